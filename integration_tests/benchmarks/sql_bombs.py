"""What four callers do to a colony who send nothing but SQL bombs.

    PYTHONPATH=python python integration_tests/benchmarks/sql_bombs.py [--seconds 60] [--callers 4]

One agent delivers batches meanwhile, another caller asks for P99, and at the end small queries are compared
with plain DuckDB on the same rows. Prints a table in Markdown; exit code 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import duckdb
import psutil

from coral._proto.colony.v1 import fleet_pb2
from coral.client.colony import ColonyClient
from coral.errors import CoralError
from coral.testing.processes import start_colony
from tests.colony.fleet_client import FleetStream, rollup_chunk, span_chunk

LIMIT_SECONDS = 2.0
SPANS = 100
BOMBS = (
    "SELECT count(*) FROM range(1000000000000)",
    "SELECT count(*) FROM range(10000000) a, range(10000000) b",
    "SELECT length(lpad('x', 2000000000, 'y')) FROM range(100)",
    "SELECT sum(length(repeat('abc', 1000000 + i::INT))) FROM range(300000) t(i)",
    "SELECT levenshtein(repeat('a', 400000), repeat('b', 400000))",
    "WITH RECURSIVE r(s) AS (SELECT 'x' UNION ALL SELECT s || s FROM r) SELECT max(length(s)) FROM r",
    "SELECT len(list(i)) FROM range(1000000000) t(i)",
    "SELECT count(*) FROM (SELECT unnest(range(100000)) FROM range(10000000))",
    "SELECT list_reduce(range(10000000), lambda a, b: a + b)",
    "SELECT string_agg(i::VARCHAR, '') FROM range(1000000000) t(i)",
    "SELECT * FROM (SELECT repeat('x', 15000000 + i::INT) FROM range(100) t(i))",
)
SMALL = "SELECT service_name, count(*) AS n FROM otel_spans_local WHERE start_time > '2000-01-01' GROUP BY 1"


def main() -> int:
    """Measures and reports."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--callers", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="coral-bombs-") as folder:
        rows = _measure(Path(folder), options.seconds, options.callers)
    print("| what | measured | target |\n|---|---|---|")
    for what, value, target, _ in rows:
        print(f"| {what} | {value} | {target} |")
    return 0 if all(met for _, _, _, met in rows) else 1


def _measure(folder: Path, seconds: float, callers: int) -> list[tuple[str, str, str, bool]]:
    with start_colony(folder) as colony:
        _deliver(colony.fleet, 1, rollup_chunk([5_000_000] * 1000, at=_minute()), _spans())
        serving = psutil.Process(colony.child.pid)
        with ColonyClient(colony.grpc) as client:
            small = [_timed(partial(client.query, SMALL)) for _ in range(30)]
        idle = serving.memory_info().rss
        stop = threading.Event()
        late: list[float] = []
        counts: dict[str, int] = {}
        threads = [
            threading.Thread(target=_bomb, args=(colony.grpc, n, stop, late, counts)) for n in range(callers)
        ]
        asked: list[float] = []
        threads.append(threading.Thread(target=_ask, args=(colony.grpc, stop, asked)))
        batches: list[float] = []
        threads.append(threading.Thread(target=_ingest, args=(colony.fleet, stop, batches)))
        for thread in threads:
            thread.start()
        highest = worker = 0
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            highest = max(highest, serving.memory_info().rss)
            for child in serving.children():
                try:
                    worker = max(worker, child.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue
            time.sleep(0.01)
        stop.set()
        for thread in threads:
            thread.join()
        with ColonyClient(colony.grpc) as client:
            sql = "SELECT count(*) AS n FROM otel_spans_local WHERE start_time > '2000-01-01'"
            stored = client.query(sql).rows.to_pylist()[0]["n"]
    delivered = SPANS * (1 + len(batches))
    plain = _plain()
    p99 = statistics.quantiles(asked, n=100)[98] * 1000
    above, overdue = (highest - idle) / 2**20, max(late, default=0.0)
    added = (statistics.median(small) - plain) * 1000
    endings = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    return [
        ("bombs", endings, "", True),
        ("serving process above idle", f"{above:.0f} MB", "< 300 MB", above < 300),
        ("largest worker", f"{worker / 2**20:.0f} MB", "< 512 MB", worker < 512 * 2**20),
        ("a query beyond its time limit", f"{overdue:.2f} s", "< 1 s", overdue < 1),
        (f"GetPercentile p99 ({len(asked):,} calls)", f"{p99:.1f} ms", "< 50 ms", p99 < 50),
        ("spans delivered and stored", f"{delivered:,} and {stored:,}", "equal", delivered == stored),
        ("small query, median above plain DuckDB", f"{added:.1f} ms", "<= 10 ms", added <= 10),
    ]


def _bomb(
    address: str, number: int, stop: threading.Event, late: list[float], counts: dict[str, int]
) -> None:
    with ColonyClient(address) as client:
        for sql in itertools.islice(itertools.cycle(BOMBS), number * 3, None):
            if stop.is_set():
                return
            started = time.monotonic()
            ending = "answered"
            try:
                client.query(sql, timeout_ns=round(LIMIT_SECONDS * 1e9))
            except CoralError as error:
                ending = type(error).__name__
            counts[ending] = counts.get(ending, 0) + 1
            late.append(time.monotonic() - started - LIMIT_SECONDS)


def _ask(address: str, stop: threading.Event, asked: list[float]) -> None:
    with ColonyClient(address) as client:
        while not stop.is_set():
            asked.append(_timed(partial(client.percentile_ns, "payments", 0.99)))
            time.sleep(0.02)


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _plain() -> float:
    """Median seconds of the same small question to DuckDB in this process."""
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE otel_spans_local AS SELECT "
            "'payments' AS service_name, now()::TIMESTAMP AS start_time"
            " FROM range(100)"
        )
        return statistics.median(_timed(lambda: connection.execute(SMALL).fetchall()) for _ in range(30))


def _minute() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None, second=0, microsecond=0)


def _spans() -> fleet_pb2.TableChunk:
    return span_chunk("payments", [1_000_000] * SPANS, at=datetime.now(UTC).replace(tzinfo=None))


def _ingest(fleet: str, stop: threading.Event, batches: list[float]) -> None:
    for sequence in itertools.count(2):
        if stop.is_set():
            return
        batches.append(_timed(partial(_deliver, fleet, sequence, _spans())))
        time.sleep(0.2)


def _deliver(fleet: str, sequence: int, *chunks: fleet_pb2.TableChunk) -> None:
    with FleetStream(fleet) as agent:
        agent.welcome()
        agent.deliver(sequence, *chunks)


if __name__ == "__main__":
    sys.exit(main())
