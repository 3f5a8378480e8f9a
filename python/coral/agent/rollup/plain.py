"""Tables that are small and travel as they are."""

from __future__ import annotations

from typing import Final

import duckdb

from coral.agent.rollup.part import Fresh, Made

_TABLES: Final = ("system_metrics", "resources")


def plain_tables(connection: duckdb.DuckDBPyConnection, fresh: Fresh) -> Made:
    """The fresh rows of each such table."""
    return Made(
        {
            table: connection.sql(
                f"SELECT * EXCLUDE (ingest_seq, agent_id) FROM main.{table}"
                f" WHERE ingest_seq > {fresh.low:d} AND ingest_seq <= {fresh.high:d}"
            ).to_arrow_table()
            for table in _TABLES
        }
    )
