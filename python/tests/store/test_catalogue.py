"""`table_catalogue` names what SQL can read, and what it says is so, on agents and colonies."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from coral.store.duckdb.catalogue import catalogue
from coral.store.duckdb.store import DuckDBStore
from coral.store.guard.pool import Columns, QueryPool, Rows
from coral.store.guard.protocol import Job

CATALOGUE = "SELECT * FROM table_catalogue ORDER BY ALL"
NAMES = "SHOW TABLES"


async def ask(pool: QueryPool, sql: str) -> list[dict[str, Any]]:
    messages: list[bytes] = []
    async for part in pool.run(
        Job(sql=sql, params=[], named_params={}, segments={}, max_rows=1000), timeout=30
    ):
        if isinstance(part, Columns):
            messages.append(part.arrow_schema)
        elif isinstance(part, Rows):
            messages.append(part.arrow_batch)
    rows: list[dict[str, Any]] = pa.ipc.open_stream(b"".join(messages)).read_all().to_pylist()
    return rows


@pytest.mark.parametrize("kind", ["agent", "colony"])
def test_every_table_that_can_be_read_is_in_it_with_its_time(tmp_path: Path, kind: str) -> None:
    async def everything() -> tuple[list[dict[str, Any]], set[str], dict[str, str]]:
        pool = QueryPool(kind)
        try:
            listed = await ask(pool, CATALOGUE)
            names = {row["name"] for row in await ask(pool, NAMES)}
            times: dict[str, str] = {}
            for row in listed:
                column, name = row["time_column"], row["table_name"]
                (kinds,) = await ask(
                    pool,
                    f"SELECT any_value(column_type) AS type FROM (DESCRIBE {name}) WHERE column_name = '{column}'",
                )
                times[name] = kinds["type"]
        finally:
            await pool.close()
        return listed, names, times

    listed, names, times = asyncio.run(everything())
    described = {row["table_name"] for row in listed}
    assert described == names
    assert set(times.values()) == {"TIMESTAMP"}
    assert all(row["description"] for row in listed)
    store = DuckDBStore(tmp_path / "data", kind=kind, retention=timedelta(hours=1), seal_interval=0)
    try:
        assert store.query(CATALOGUE, since={}) == [tuple(row.values()) for row in listed]
    finally:
        store.close()


def test_only_a_colony_has_longer_buckets() -> None:
    found = {kind: {entry.name: entry for entry in catalogue(kind)} for kind in ("agent", "colony")}
    assert found["agent"]["service_summary"].older_bucket_seconds == ()
    assert found["colony"]["service_summary"].older_bucket_seconds == (900, 3600, 86400)
    assert found["colony"]["beyla_http_metrics"].time_column == "timestamp"
    assert found["colony"]["service_graph"].older_bucket_seconds == ()
    assert found["colony"]["otel_spans_local"].bucket_seconds is None
