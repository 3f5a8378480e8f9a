from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coral.clock import FixedClock
from coral.colony.applied import Source
from coral.colony.apply import Applier, ReceivedBatch
from coral.errors import CoralError, StorageFullError
from coral.store.duckdb.store import DuckDBStore
from coral.wire.batches import BATCH_TABLES

NOW = datetime(2026, 3, 10, 12, 0)
NUMBERS = count()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(
        tmp_path / "data",
        kind="colony",
        retention=timedelta(days=7),
        clock=FixedClock(NOW),
        seal_interval=0,
    )
    yield opened
    opened.close()


def rows(requests: int, *, service: str | None = "payments") -> pa.Table:
    """A rollup of some requests; one without a service cannot be stored."""
    row = {
        "bucket_time": NOW,
        "service_name": service,
        "span_name": "GET /",
        "kind": "SERVER",
        "request_count": requests,
        "error_count": 0,
        "sum_ns": 1.0,
        "min_ns": 1,
        "max_ns": 1,
        "bucket_index": [-1],
        "bucket_count": [requests],
    }
    schema = pa.schema([field.with_nullable(True) for field in BATCH_TABLES["rollups"]])
    return pa.Table.from_pylist([row], schema=schema)


def requests_in(store: DuckDBStore, service: str = "payments") -> int:
    sql = "SELECT coalesce(sum(request_count), 0)::BIGINT FROM rollups WHERE service_name = ?"
    return int(store.query(sql, [service], since={"rollups": None})[0][0])


def deliver(
    applier: Applier, batches: Sequence[tuple[Source, int, pa.Table]]
) -> list[tuple[Source, int, Exception | None]]:
    """Puts batches at once, and answers how each was settled, in that order."""
    settled: list[tuple[Source, int, Exception | None]] = []

    async def run() -> None:
        done = asyncio.Event()

        def received(source: Source, sequence: int, table: pa.Table) -> ReceivedBatch:
            def note(reason: Exception | None) -> None:
                settled.append((source, sequence, reason))
                if len(settled) == len(batches):
                    done.set()

            return ReceivedBatch(source, sequence, {"rollups": table}, note)

        applying = asyncio.create_task(applier.run())
        for batch in batches:
            await applier.put(received(*batch))
        async with asyncio.timeout(30):
            await done.wait()
        applying.cancel()

    asyncio.run(run())
    return settled


A: Source = ("a1", "e1")
B: Source = ("b1", "e1")


def test_what_follows_a_refused_batch_is_refused_as_well(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One batch is one group: the batches after the bad one wait in the queue when it is refused.
    monkeypatch.setattr("coral.colony.apply.MAX_APPLY_GROUP_BYTES", 1)
    applier = Applier(store, streams=lambda: 1)
    sent = [
        (A, 1, rows(1)),
        (A, 2, rows(10, service=None)),
        (A, 3, rows(100)),
        (B, 1, rows(1000)),
        (A, 4, rows(10_000)),
    ]
    settled = {(source, sequence): reason for source, sequence, reason in deliver(applier, sent)}
    assert settled[A, 1] is None
    assert settled[B, 1] is None
    assert all(isinstance(settled[A, sequence], CoralError) for sequence in (2, 3, 4))
    assert applier.last_sequence(A) == 1
    assert applier.statistics().refused == 1
    assert applier.statistics().queued_bytes == 0
    assert requests_in(store) == 1001
    # The agent sends again what it was not told to be applied, in order.
    again = deliver(applier, [(A, 2, rows(10)), (A, 3, rows(100)), (A, 4, rows(10_000))])
    assert [reason for *_, reason in again] == [None, None, None]
    assert requests_in(store) == 11_111


def test_a_full_disk_for_a_moment_loses_no_batch(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coral.colony.apply.MAX_APPLY_GROUP_BYTES", 1)
    applier = Applier(store, streams=lambda: 1)
    submit = store.submit
    turns = count()

    def full_once(*arguments: Any, **named: Any) -> Future[Any]:
        if next(turns) == 0:
            raise StorageFullError("the disk is nearly full")
        return submit(*arguments, **named)

    monkeypatch.setattr(store, "submit", full_once)
    settled = deliver(applier, [(A, 1, rows(1)), (A, 2, rows(10)), (B, 1, rows(100))])
    reasons = {(source, sequence): reason for source, sequence, reason in settled}
    assert isinstance(reasons[A, 1], StorageFullError)
    assert isinstance(reasons[A, 2], StorageFullError)
    assert reasons[B, 1] is None
    assert applier.last_sequence(A) == 0
    deliver(applier, [(A, 1, rows(1)), (A, 2, rows(10))])
    assert requests_in(store) == 111


sources = st.integers(min_value=0, max_value=2)
sessions = st.lists(st.tuples(sources, st.integers(0, 3), st.integers(1, 4)), min_size=1, max_size=8)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(sessions, st.randoms(use_true_random=False), st.sampled_from([1, 6000, 10**7]))
def test_each_batch_counts_once_however_often_and_in_whatever_company(
    store: DuckDBStore, sessions: list[tuple[int, int, int]], draw: Any, group_bytes: int
) -> None:
    """Agents connect again and again, and send anew what they have no acknowledgement of."""
    example = next(NUMBERS)
    service = f"service-{example}"
    streams: list[list[tuple[Source, int, pa.Table]]] = [[], [], []]
    written = [0, 0, 0]  # of each agent's outbox
    for agent, repeated, new in sessions:
        first = max(written[agent] - repeated, 0) + 1
        written[agent] = max(written[agent], first - 1 + new)
        source = (f"agent-{agent}", f"epoch-{example}")
        for sequence in range(first, first + new):
            streams[agent].append((source, sequence, rows(10 ** (agent * 3) * sequence, service=service)))
    mixed: list[tuple[Source, int, pa.Table]] = []
    while any(streams):
        mixed.append(draw.choice([stream for stream in streams if stream]).pop(0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("coral.colony.apply.MAX_APPLY_GROUP_BYTES", group_bytes)
        settled = deliver(Applier(store, streams=lambda: 1), mixed)
    assert all(reason is None for *_, reason in settled)
    once = sum(
        10 ** (agent * 3) * sequence for agent in range(3) for sequence in range(1, written[agent] + 1)
    )
    assert requests_in(store, service) == once
    # The same again, after a restart: nothing changes.
    applier = Applier(store, streams=lambda: 1)
    deliver(applier, mixed)
    assert requests_in(store, service) == once
    assert applier.statistics().batches == 0
