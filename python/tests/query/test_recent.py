from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from coral.clock import FixedClock
from coral.errors import NoDataError
from coral.model.histogram import bucket_of
from coral.query.helpers import Helpers, RecentPart, Window
from coral.query.recent import RecentRollups
from coral.query.requests import BySource
from coral.store.api import Transaction
from coral.store.duckdb.rows import insert_rows
from coral.store.duckdb.store import DuckDBStore
from coral.wire.batches import BATCH_TABLES

NOW = datetime(2026, 11, 23, 12, 0, 30)
SERVICES = ("payments", "orders", "both", "metered", "silent")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def store(tmp_path: Path, clock: FixedClock) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(
        tmp_path / "data", kind="colony", retention=timedelta(days=7), clock=clock, seal_interval=0
    )
    yield opened
    opened.close()


def random_rows(draw: random.Random, minutes: list[datetime], count: int) -> pa.Table:
    """Rollup rows of some services; `metered` has only metrics, `both` has both."""
    rows = []
    for _ in range(count):
        service = draw.choice(SERVICES[:4])
        kinds = {"metered": ["METRIC"], "both": ["SERVER", "METRIC"]}.get(
            service, ["SERVER", "CONSUMER", "CLIENT"]
        )
        durations = [int(draw.lognormvariate(17, 1)) for _ in range(draw.randint(1, 40))]
        durations += [0] * draw.randint(0, 1)
        indexes = sorted({bucket_of(value) for value in durations})
        rows.append(
            {
                "agent_id": f"a{draw.randint(1, 3)}",
                "bucket_time": draw.choice(minutes),
                "service_name": service,
                "span_name": draw.choice(["GET /", "POST /"]),
                "kind": draw.choice(kinds),
                "request_count": len(durations),
                "error_count": draw.randint(0, len(durations)),
                "sum_ns": float(sum(durations)),
                "min_ns": min(durations),
                "max_ns": max(durations),
                "bucket_index": indexes,
                "bucket_count": [sum(bucket_of(v) == i for v in durations) for i in indexes],
            }
        )
    schema = pa.schema([*BATCH_TABLES["rollups"], pa.field("agent_id", pa.string())])
    return pa.Table.from_pylist(rows, schema=schema)


def minutes_until(now: datetime, count: int) -> list[datetime]:
    last = now.replace(second=0, microsecond=0)
    return [last - timedelta(minutes=n) for n in range(count)]


def commit(store: DuckDBStore, recent: RecentRollups | None, rows: pa.Table) -> None:
    def write(transaction: Transaction) -> None:
        insert_rows(transaction, "rollups", rows)

    store.submit(write).result()
    if recent is not None:
        recent.add(rows)


def answers(
    helpers: Helpers, window: Window, *, from_memory: bool, quantiles: Sequence[float] = (0.5, 0.99)
) -> dict[str, object]:
    """Everything that can be asked of every service, by memory (with the store behind it) or by the store alone."""
    found: dict[str, object] = {}
    for service in SERVICES:

        def part(service: str = service) -> RecentPart:
            return helpers.recent(service, window) if from_memory else RecentPart(BySource(), window.end)

        try:
            found[service] = [
                helpers.requests(service, window, part()),
                *(helpers.percentile(service, "http.server.duration", q, window, part()) for q in quantiles),
            ]
        except NoDataError:
            found[service] = "no data"
    return found


ALL = (0.0, 0.01, 0.5, 0.95, 0.99, 1.0)
LENGTHS = [timedelta(minutes=n) for n in (1, 5, 17, 60)]


@pytest.mark.parametrize("max_bytes", [1 << 24, 6_000, 0])
def test_memory_and_store_give_the_same_answers(
    store: DuckDBStore, clock: FixedClock, max_bytes: int
) -> None:
    draw = random.Random(max_bytes)
    commit(store, None, random_rows(draw, minutes_until(NOW, 90), 200))
    recent = RecentRollups(clock, max_bytes=max_bytes)
    recent.load(store)
    helpers = Helpers(store, clock, recent)
    for turn in range(6):
        # Mostly the newest minutes, some late rows, some from an agent whose clock runs ahead.
        ahead = [clock.now() + timedelta(minutes=draw.choice([1, 30, 90]))]
        commit(store, recent, random_rows(draw, minutes_until(clock.now(), 3), 30))
        commit(store, recent, random_rows(draw, [*minutes_until(clock.now(), 90), *ahead], 15))
        for length in LENGTHS:
            window = helpers.window(length)
            assert answers(helpers, window, from_memory=True) == answers(helpers, window, from_memory=False)
        clock.advance(timedelta(minutes=draw.choice([0, 1, 7])))
        if turn % 3 == 2:
            store.seal()
        assert recent.statistics().size_bytes <= max(max_bytes, 1)
    restarted = RecentRollups(clock, max_bytes=max_bytes)
    restarted.load(store)
    again = Helpers(store, clock, restarted)
    for length in LENGTHS:
        window = again.window(length)
        stored = answers(helpers, window, from_memory=False, quantiles=ALL)
        assert answers(again, window, from_memory=True, quantiles=ALL) == stored


def test_the_newest_minutes_need_no_store(store: DuckDBStore, clock: FixedClock) -> None:
    recent = RecentRollups(clock)
    recent.load(store)
    helpers = Helpers(store, clock, recent)
    commit(store, recent, random_rows(random.Random(1), minutes_until(NOW, 5), 50))
    window = helpers.window(timedelta(hours=5))
    part = helpers.recent("payments", window)
    assert part.complete(window)
    assert part.found.chosen().count > 0
    assert not helpers.recent("payments", helpers.window(timedelta(hours=7))).complete(window)


def test_metrics_answer_only_where_no_span_does(store: DuckDBStore, clock: FixedClock) -> None:
    recent = RecentRollups(clock)
    recent.load(store)
    helpers = Helpers(store, clock, recent)
    commit(store, recent, random_rows(random.Random(5), minutes_until(NOW, 3), 80))
    window = helpers.window(timedelta(minutes=10))
    sql = (
        "SELECT service_name, bool_or(kind <> 'METRIC'), CAST(sum(request_count) FILTER (kind IN ('SERVER', 'CONSUMER'))"
        " AS BIGINT), CAST(sum(request_count) FILTER (kind = 'METRIC') AS BIGINT) FROM rollups GROUP BY 1"
    )
    expected = {
        name: spans if has_spans else metrics
        for name, has_spans, spans, metrics in store.query(sql, since={"rollups": None})
    }
    assert set(expected) == {"payments", "orders", "both", "metered"}
    found = {name: helpers.requests(name, window, helpers.recent(name, window)).count for name in expected}
    assert found == expected


def test_made_up_times_do_not_spoil_answers(
    store: DuckDBStore, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coral.query.recent._MAX_SKIPPED", 10)
    recent = RecentRollups(clock)
    recent.load(store)
    helpers = Helpers(store, clock, recent)
    draw = random.Random(3)
    commit(store, recent, random_rows(draw, [NOW + timedelta(minutes=100 * n) for n in range(1, 40)], 200))
    commit(store, recent, random_rows(draw, minutes_until(NOW, 3), 20))
    for _ in range(6):
        window = helpers.window(timedelta(minutes=60))
        assert answers(helpers, window, from_memory=True) == answers(helpers, window, from_memory=False)
        clock.advance(timedelta(minutes=97))
