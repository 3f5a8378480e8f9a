"""Deltas per (service, operation, kind, minute) of spans."""

from __future__ import annotations

import duckdb

from coral.agent.rollup.part import Fresh, Made
from coral.agent.rollup.statements import statement


def span_rollups(connection: duckdb.DuckDBPyConnection, fresh: Fresh) -> Made:
    """Rows of `rollups` of the fresh spans."""
    found = connection.sql(statement("rollup").replace("{fresh_spans}", fresh.span_source))
    return Made({"rollups": found.to_arrow_table()})
