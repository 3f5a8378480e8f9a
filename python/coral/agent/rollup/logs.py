"""Log records counted per (service, minute, severity)."""

from __future__ import annotations

import duckdb

from coral.agent.rollup.part import Fresh, Made
from coral.agent.rollup.statements import statement


def log_counts(connection: duckdb.DuckDBPyConnection, fresh: Fresh) -> Made:
    """Rows of `log_counts` of the fresh log records."""
    if not fresh.records:
        return Made({})
    found = connection.sql(statement("log_counts"), params={"lo": fresh.low, "hi": fresh.high})
    return Made({"log_counts": found.to_arrow_table()})
