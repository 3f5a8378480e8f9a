"""The views of metrics and logs answer SQL on both kinds of store, by our own queries and by workers."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from coral.clock import FixedClock
from coral.store.duckdb.rows import insert_rows
from coral.store.duckdb.store import DuckDBStore
from coral.store.guard.pool import Columns, QueryPool, Rows
from coral.store.guard.protocol import Job
from coral.wire.batches import BATCH_TABLES
from tests.store.conftest import NOW

MINUTE = datetime(2026, 11, 23, 12, 0)
ROLLUP = {
    "bucket_time": MINUTE,
    "service_name": "payments",
    "span_name": "/pay",
    "kind": "METRIC",
    "request_count": 4,
    "error_count": 1,
    "sum_ns": 4e6,
    "min_ns": 1_000_000,
    "max_ns": 1_000_000,
    "bucket_index": [1275],
    "bucket_count": [4],
}
METRIC = {
    "service_name": "payments",
    "instance_id": "p-1",
    "metric_name": "queue",
    "metric_type": "EXPONENTIAL_HISTOGRAM",
    "temporality": "DELTA",
    "unit": "1",
    "time": MINUTE,
    "count": 3,
    "scale": 2,
    "positive_counts": [1, 2],
    "attributes": '{"a":1}',
}
LOG = {
    "service_name": "payments",
    "instance_id": "p-1",
    "time": MINUTE,
    "severity": "ERROR",
    "severity_number": 17,
    "body": "card declined",
    "event_name": "",
    "trace_id": "ab",
    "span_id": "cd",
    "scope_name": "shop",
    "attributes": '{"n":2}',
}
COUNTS = [
    {"bucket_time": MINUTE, "service_name": "payments", "severity": severity, "record_count": count}
    for severity, count in (("ERROR", 2), ("INFO", 5), ("ERROR", 1))
]
COMMON = [
    ('SELECT "timestamp", service_name, http_route, request_count, error_rate, round(p99_ms, 2) FROM beyla_http_metrics',
     [(MINUTE, "payments", "/pay", 4, 0.25, 1.0)]),
    ("SELECT bucket_time, service_name, severity, record_count FROM log_summary ORDER BY severity",
     [(MINUTE, "payments", "ERROR", 3), (MINUTE, "payments", "INFO", 5)]),
]  # fmt: skip
AGENT = [
    ("SELECT metric_type, count, scale, positive_counts, value, attributes ->> '$.a' FROM otel_metrics_local",
     [("EXPONENTIAL_HISTOGRAM", 3, 2, [1, 2], None, "1")]),
    ("SELECT time, service_name, severity, severity_number, body, trace_id, span_id, attributes ->> '$.n', scope_name FROM otel_logs_local",
     [(MINUTE, "payments", "ERROR", 17, "card declined", "ab", "cd", "2", "shop")]),
]  # fmt: skip
TABLES = ("rollups", "log_counts", "metrics", "logs")


def fill(path: Path, kind: str) -> DuckDBStore:
    clock = FixedClock(MINUTE)
    store = DuckDBStore(path, kind=kind, retention=timedelta(hours=1), clock=clock, seal_interval=0)
    rows = {
        "rollups": pa.Table.from_pylist([ROLLUP], schema=BATCH_TABLES["rollups"]),
        "log_counts": pa.Table.from_pylist(COUNTS, schema=BATCH_TABLES["log_counts"]),
    }
    if kind == "agent":
        rows |= {"metrics": pa.Table.from_pylist([METRIC]), "logs": pa.Table.from_pylist([LOG])}
    for name, table in rows.items():
        constants = {"agent_id": "a1"} if name in BATCH_TABLES else {}
        store.submit(
            lambda transaction, name=name, table=table, constants=constants: insert_rows(  # type: ignore[misc]
                transaction, name, table, constants
            )
        ).result()
    return store


def by_worker(store: DuckDBStore, kind: str, sql: str) -> list[tuple[Any, ...]]:
    segments: dict[str, list[str]] = {}
    for segment in store.segments():
        segments.setdefault(segment.table, []).append(str(segment.path))

    async def run() -> list[bytes]:
        pool = QueryPool(kind)
        try:
            parts = []
            async for part in pool.run(Job(sql, [], {}, segments, 100, now=NOW), timeout=30):
                if isinstance(part, Columns):
                    parts.append(part.arrow_schema)
                elif isinstance(part, Rows):
                    parts.append(part.arrow_batch)
            return parts
        finally:
            await pool.close()

    table = pa.ipc.open_stream(b"".join(asyncio.run(run()))).read_all()
    return [tuple(row) for row in zip(*(column.to_pylist() for column in table.columns), strict=True)]


@pytest.mark.parametrize("kind", ["agent", "colony"])
def test_views_answer_active_and_sealed_rows(tmp_path: Path, kind: str) -> None:
    store = fill(tmp_path / "data", kind)
    questions = COMMON + (AGENT if kind == "agent" else [])
    since = dict.fromkeys(TABLES if kind == "agent" else TABLES[:2])
    for sql, expected in questions:
        assert store.query(sql, since=since) == expected
    store.seal()
    for sql, expected in questions:
        assert store.query(sql, since=since) == expected
        assert by_worker(store, kind, sql) == expected
    store.close()
