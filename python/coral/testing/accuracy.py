"""How far percentiles of a colony are from the exact ones, on the way that data take through it.

Durations of five distributions come from many agents in batches, are applied as a colony applies them, and
are asked for by the real helpers: from memory, from the store as they arrived, merged, and out of each tier
into which they age by a clock that is moved. The exact percentile is that of all values in a sorted list.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa

from coral.clock import FixedClock
from coral.colony.apply import Applier, ReceivedBatch
from coral.model.histogram import bucket_of
from coral.query.helpers import Helpers, Window
from coral.query.recent import RecentRollups
from coral.store.duckdb.compaction import mergeable_tables
from coral.store.duckdb.store import DuckDBStore
from coral.store.duckdb.tiers import Tiers, rollup_tiers
from coral.wire.batches import BATCH_TABLES

QUANTILES: Final = (0.5, 0.9, 0.95, 0.99, 0.999)
START: Final = datetime(2026, 3, 10)
MINUTES: Final = 180
_BATCH_MINUTES: Final = 10  # of one batch of one agent

Draw = Callable[[random.Random], float]


@dataclass(frozen=True)
class Distribution:
    """Durations in nanoseconds.

    Attributes:
        name: For people, and of the service that has them.
        draw: One value.
        most: How many values there are at most; None is as many as asked for.
    """

    name: str
    draw: Draw
    most: int | None = None


DISTRIBUTIONS: Final = (
    Distribution("log-normal", lambda draw: draw.lognormvariate(math.log(20e6), 0.8)),
    Distribution(
        "bimodal", lambda draw: draw.gauss(3e6, 2e5) if draw.random() < 0.9 else draw.gauss(800e6, 5e7)
    ),
    Distribution("constant", lambda draw: 12_345_678.0),
    Distribution("heavy tail", lambda draw: 1e6 * draw.paretovariate(0.9)),
    Distribution("tiny counts", lambda draw: draw.lognormvariate(math.log(20e6), 1.5), most=7),
)


@dataclass(frozen=True)
class Measured:
    """One percentile at one place.

    Attributes:
        distribution: Its name.
        count: Values there are.
        q: The quantile.
        stage: Where the answer came from.
        exact: The exact percentile, nanoseconds.
        found: What the helpers answer.
    """

    distribution: str
    count: int
    q: float
    stage: str
    exact: float
    found: float

    @property
    def error(self) -> float:
        """Relative error."""
        return abs(self.found - self.exact) / self.exact


def measure(folder: Path, *, values: int, agents: int, seed: int) -> Iterator[Measured]:
    """Measures everything.

    Args:
        folder: An empty folder for the colony's data.
        values: Durations of each distribution.
        agents: Agents that send them.
        seed: Of everything that is drawn.
    """
    clock = FixedClock(START + timedelta(minutes=MINUTES))
    draw = random.Random(seed)
    drawn = {
        each.name: [max(round(each.draw(draw)), 1) for _ in range(min(values, each.most or values))]
        for each in DISTRIBUTIONS
    }
    tiers = rollup_tiers({})
    store = DuckDBStore(
        folder / "data",
        kind="colony",
        retention=timedelta(days=7),
        retention_by_table=dict.fromkeys(tier.table.name for tier in tiers),
        clock=clock,
        seal_interval=0,
        merged_apart=(*mergeable_tables(), *(tier.table.name for tier in tiers)),
    )
    try:
        recent = RecentRollups(clock)
        asyncio.run(_deliver(store, recent, list(_batches(drawn, agents, draw))))
        memory = Helpers(store, clock, recent)
        helpers = Helpers(store, clock)
        job = Tiers(
            store,
            tiers,
            scratch=folder / "merging",
            clock=clock,
            monotonic=lambda: (clock.now() - START).total_seconds(),
            moved=recent.forget_before,
        )
        yield from _ask("memory", memory, drawn)
        yield from _ask("as they arrived", helpers, drawn)
        store.seal()
        yield from _ask("sealed", helpers, drawn)
        for number, tier in enumerate(tiers):
            while job.run():
                pass
            held = {segment.table for segment in store.segments()}
            if held != {tier.table.name}:
                raise AssertionError(f"rollups are in {held}, expected {tier.table.name}")
            yield from _ask(tier.table.name if number else "merged minutes", helpers, drawn)
            yield from _ask("memory and store", memory, drawn)
            clock.advance(tier.age - (clock.now() - START) + timedelta(days=2))
    finally:
        store.close()


def _ask(stage: str, helpers: Helpers, drawn: Mapping[str, Sequence[int]]) -> Iterator[Measured]:
    # The window of the data, which no tier's bucket cuts; a window up to now finds the same rows.
    window = Window(START, START + timedelta(days=1), timedelta(days=1))
    for name, values in drawn.items():
        ordered = sorted(values)
        for q in QUANTILES:
            part = helpers.recent(name, window)
            answer = helpers.percentile(name, "http.server.duration", q, window, part)
            if answer.sample_count != len(values):
                raise AssertionError(f"{answer.sample_count} values of {name} at {stage}, not {len(values)}")
            yield Measured(name, len(values), q, stage, _exact(ordered, q), answer.value_ns)


def _exact(ordered: Sequence[int], q: float) -> float:
    """The quantile of a sorted list, between neighbours by linear interpolation."""
    rank = q * (len(ordered) - 1)
    low, high = math.floor(rank), math.ceil(rank)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def _batches(
    drawn: Mapping[str, Sequence[int]], agents: int, draw: random.Random
) -> Iterator[tuple[str, int, pa.Table]]:
    """Agent, sequence and rows: every value lands at some agent in some minute."""
    found: dict[tuple[int, int], dict[tuple[int, str], list[int]]] = defaultdict(lambda: defaultdict(list))
    for name, values in drawn.items():
        for value in values:
            minute = draw.randrange(MINUTES)
            found[draw.randrange(agents), minute // _BATCH_MINUTES][minute, name].append(value)
    for (agent, part), rows in sorted(found.items()):
        table = [_row(minute, name, values) for (minute, name), values in rows.items()]
        yield f"agent-{agent}", part + 1, pa.Table.from_pylist(table, schema=BATCH_TABLES["rollups"])


def _row(minute: int, service: str, values: Sequence[int]) -> dict[str, object]:
    buckets: dict[int, int] = defaultdict(int)
    for value in values:
        buckets[bucket_of(value)] += 1
    return {
        "bucket_time": START + timedelta(minutes=minute),
        "service_name": service,
        "span_name": "GET /",
        "kind": "SERVER",
        "request_count": len(values),
        "error_count": 0,
        "sum_ns": float(sum(values)),
        "min_ns": min(values),
        "max_ns": max(values),
        "bucket_index": sorted(buckets),
        "bucket_count": [buckets[index] for index in sorted(buckets)],
    }


async def _deliver(
    store: DuckDBStore, recent: RecentRollups, batches: Sequence[tuple[str, int, pa.Table]]
) -> None:
    """Applies batches, each of them twice: the second time changes nothing."""
    applier = Applier(store, streams=lambda: 1, committed=recent.committed)
    left = 2 * len(batches)
    done = asyncio.Event()

    def settled(reason: Exception | None) -> None:
        nonlocal left
        if reason is not None:
            raise reason
        left -= 1
        if not left:
            done.set()

    applying = asyncio.create_task(applier.run())
    applying.add_done_callback(lambda _: done.set())
    for _ in range(2):
        for agent, sequence, rows in batches:
            await applier.put(ReceivedBatch((agent, "epoch"), sequence, {"rollups": rows}, settled))
    await done.wait()
    if not applying.cancel():
        applying.result()
