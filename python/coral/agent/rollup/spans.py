"""Deltas per (service, operation, kind, minute) of spans."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from coral.agent.rollup.statements import statement


def span_rollups(connection: duckdb.DuckDBPyConnection, low: int, high: int) -> pa.Table:
    """Rows of `rollups` (but `ingest_seq`, `agent_id`) of the spans with `ingest_seq` in (low, high]."""
    return connection.sql(statement("rollup"), params={"lo": low, "hi": high}).to_arrow_table()
