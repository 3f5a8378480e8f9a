from __future__ import annotations

import asyncio
import contextlib
import datetime
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pyarrow as pa
import pytest

from coral.errors import CoralError, DeniedError, LimitError, MemoryLimitError, QueryError
from coral.limits import MAX_SQL_BYTES
from coral.store.duckdb.store import DuckDBStore
from coral.store.guard.pool import Columns, PoolStatistics, QueryPool, Rows
from coral.store.guard.protocol import Job, Outcome
from tests.store.conftest import NOW
from tests.store.rows import insert_spans

Query = Callable[..., Coroutine[Any, Any, tuple[pa.Table, Outcome]]]


@contextlib.asynccontextmanager
async def pool() -> AsyncIterator[QueryPool]:
    opened = QueryPool("colony")
    try:
        yield opened
    finally:
        await opened.close()


def job(sql: str, store: DuckDBStore | None = None, *, params: list[Any] | None = None, **more: Any) -> Job:
    segments: dict[str, list[str]] = {}
    for segment in store.segments() if store else []:
        segments.setdefault(segment.table, []).append(str(segment.path))
    return Job(sql, params or [], more.get("named", {}), segments, more.get("max_rows", 10_000), now=NOW)


async def answer(workers: QueryPool, work: Job, timeout: float = 30) -> tuple[pa.Table, Outcome]:
    messages: list[bytes] = []
    async for part in workers.run(work, timeout=timeout):
        if isinstance(part, Columns):
            messages.append(part.arrow_schema)
        elif isinstance(part, Rows):
            messages.append(part.arrow_batch)
        else:
            outcome = part
    return pa.ipc.open_stream(b"".join(messages)).read_all(), outcome


def ask(sql: str, store: DuckDBStore | None = None, **more: Any) -> tuple[list[dict[str, Any]], Outcome]:
    async def run() -> tuple[pa.Table, Outcome]:
        async with pool() as workers:
            return await answer(workers, job(sql, store, **more))

    table, outcome = asyncio.run(run())
    return table.to_pylist(), outcome


def test_public_tables_are_readable_and_empty_ones_have_their_columns(store: DuckDBStore) -> None:
    store.submit(lambda tx: insert_spans(tx, 3, start=NOW)).result()
    store.seal()
    rows, outcome = ask("SELECT service_name, duration_ns FROM otel_spans_local ORDER BY duration_ns", store)
    assert rows == [{"service_name": "payments", "duration_ns": n * 1_000_000} for n in (1, 2, 3)]
    assert outcome == Outcome(3, False, 3600, ["otel_spans_local"], "2026-11-23T11:00:30Z")
    assert ask("SELECT p99_ms FROM service_summary", store)[0] == []


def test_one_statement_leaves_nothing_for_the_next(store: DuckDBStore) -> None:
    store.submit(lambda tx: insert_spans(tx, 3, start=NOW)).result()
    store.submit(lambda tx: insert_spans(tx, 2, start=NOW - datetime.timedelta(hours=5))).result()
    store.seal()
    everything = "SELECT count(*) AS n FROM otel_spans_local WHERE start_time > '2000-01-01'"
    windowed = "SELECT count(*) AS n FROM otel_spans_local"
    mixed = f"SELECT ({windowed}) + ({everything}) * 10 AS n"

    async def run() -> list[int]:
        found = []
        async with pool() as workers:
            for sql in (windowed, everything, mixed, "SELECT nonsense", everything, windowed):
                with contextlib.suppress(QueryError):
                    table, _ = await answer(workers, job(sql, store))
                    found.append(table.to_pylist()[0]["n"])
            table, _ = await answer(workers, job(everything))  # a store without segments
            found.append(table.to_pylist()[0]["n"])
        return found

    assert asyncio.run(run()) == [3, 5, 53, 5, 3, 0]


def test_parameters_keep_their_types() -> None:
    when = datetime.datetime(2026, 1, 2, 3, 4, 5)
    rows, _ = ask("SELECT ? AS i, ? AS s, ? AS t, ? AS n", params=[7, "x", when, None])
    assert rows == [{"i": 7, "s": "x", "t": when, "n": None}]
    assert ask("SELECT $a + $b AS c", named={"a": 1, "b": 2})[0] == [{"c": 3}]


def test_rows_beyond_the_limit_are_cut_and_said_so() -> None:
    rows, outcome = ask("FROM range(20000)", max_rows=10_000)
    assert (len(rows), outcome) == (10_000, Outcome(10_000, True))
    assert ask("FROM range(10000)", max_rows=10_000)[1] == Outcome(10_000, False)


REFUSED = [
    "SELECT 1; DROP TABLE spans",
    "",
    "DROP TABLE spans",
    "INSERT INTO spans SELECT * FROM spans",
    "CREATE TABLE t AS SELECT 1",
    "COPY (SELECT 1) TO '/tmp/coral-guard-test'",
    "ATTACH ':memory:' AS m",
    "ATTACH '/tmp/coral-guard-test.duckdb' AS m",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET memory_limit='8GB'",
    "PRAGMA database_list",
    "BEGIN",
    "COMMIT",
    "CALL pragma_version()",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_blob('/proc/self/environ')",
    "SELECT * FROM glob('/etc/*')",
    "EXPORT DATABASE '/tmp/coral-guard-test'",
    "SELECT '" + "x" * MAX_SQL_BYTES + "'",
]


def test_what_does_not_read_public_tables_is_refused(store: DuckDBStore) -> None:
    async def run() -> list[str]:
        allowed = []
        async with pool() as workers:
            for sql in REFUSED:
                try:
                    await answer(workers, job(sql, store))
                    allowed.append(sql)
                except (DeniedError, QueryError):
                    pass
        return allowed

    store.submit(lambda tx: insert_spans(tx, 3, start=NOW)).result()
    store.seal()
    assert asyncio.run(run()) == []


def test_a_failing_statement_says_why_and_spares_the_worker() -> None:
    async def run() -> tuple[CoralError, int]:
        async with pool() as workers:
            with pytest.raises(QueryError) as caught:
                await answer(workers, job("SELECT * FROM nowhere"))
            worker = workers._idle[0].pid
            table, _ = await answer(workers, job("SELECT 1 AS a"))
            assert table.to_pylist() == [{"a": 1}]
            assert workers._idle[0].pid == worker
            return caught.value, worker

    error, _ = asyncio.run(run())
    assert "nowhere" in error.message


# One long scalar call is what max_execution_time of DuckDB does not stop.
BOMBS = [
    "SELECT count(*) FROM range(1000000000000) a",
    "SELECT length(lpad('x', 2000000000, 'y')) FROM range(100)",
    "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i FROM r) SELECT count(*) FROM r",
]


@pytest.mark.parametrize("sql", BOMBS)
def test_a_bomb_ends_with_its_process(sql: str) -> None:
    async def run() -> int:
        async with pool() as workers:
            await workers.warm_up()
            (worker,) = workers._idle
            with pytest.raises((LimitError, QueryError)) as caught:
                await answer(workers, job(sql), timeout=1.5)
            if isinstance(caught.value, LimitError):
                assert "1.5 s" in caught.value.message
                assert worker.returncode is not None
            return worker.pid

    pid = asyncio.run(run())
    assert not os.path.exists(f"/proc/{pid}/cmdline") or pid_is_gone(pid)


def pid_is_gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)  # polls a condition
    return False


def test_a_reader_that_stops_early_ends_the_query() -> None:
    async def run() -> None:
        async with pool() as workers:
            await workers.warm_up()
            (worker,) = workers._idle
            parts = workers.run(job("FROM range(10000000)", max_rows=10_000_000), timeout=30)
            assert isinstance(await anext(parts), Columns)
            assert (workers.statistics().running, workers.statistics().queued) == (1, 0)
            await parts.aclose()
            assert worker.returncode is not None
            assert workers.statistics().running == 0
            assert workers.statistics().ended["abandoned"] == 1

    asyncio.run(run())


def test_it_counts_how_queries_ended() -> None:
    async def run() -> PoolStatistics:
        async with pool() as workers:
            await answer(workers, job("SELECT 1 AS a"))
            for sql, error in (("SELECT nonsense", QueryError), ("INSTALL httpfs", DeniedError)):
                with pytest.raises(error):
                    await answer(workers, job(sql))
            with pytest.raises(LimitError):
                await answer(workers, job("SELECT count(*) FROM range(1000000000000) a"), timeout=0.2)
            await workers.warm_up()
            (worker,) = workers._idle
            slow = asyncio.create_task(answer(workers, job("SELECT count(*) FROM range(1000000000000) a")))
            while not workers.statistics().running:
                await asyncio.sleep(0)
            worker.kill()
            with pytest.raises(MemoryLimitError, match="ended its worker process"):
                await slow
            return workers.statistics()

    found = asyncio.run(run())
    ended = {"answered": 1, "failed": 1, "refused": 1, "timed_out": 1, "worker_died": 1}
    assert {name: count for name, count in found.ended.items() if count} == ended
    assert {name for name, seconds in found.seconds.items() if seconds} == set(ended)
    assert 0.2 <= found.seconds["timed_out"] < 20
    assert (found.running, found.queued) == (0, 0)


def test_twenty_at_once_all_answer() -> None:
    async def run() -> list[int]:
        async with pool() as workers:
            answers = await asyncio.gather(
                *[answer(workers, job(f"SELECT {n} AS n, count(*) FROM range(100000)")) for n in range(20)]
            )
            return [table.to_pylist()[0]["n"] for table, _ in answers]

    assert asyncio.run(run()) == list(range(20))
