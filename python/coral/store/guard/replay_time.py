"""Another time than now, for statements over a recording: what `now()` says, and what was known by then."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import duckdb

from coral.store.duckdb.catalogue import CatalogueEntry

RECORD: Final = "coral_record"
"""The schema in which `coral record` puts what is no public table."""

# DuckDB resolves the keywords (CURRENT_TIMESTAMP, CURRENT_DATE, LOCALTIMESTAMP) to these names as well.
_CLOCKS: Final = {
    "now": "TIMESTAMPTZ",
    "get_current_timestamp": "TIMESTAMPTZ",
    "transaction_timestamp": "TIMESTAMPTZ",
    "current_localtimestamp": "TIMESTAMP",
    "current_date": "DATE",
    "today": "DATE",
    "get_current_time": "TIMETZ",
    "current_localtime": "TIME",
}


def tell_time(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> None:
    """Makes macros in the place of DuckDB's functions of the current time; the time zone is UTC.

    `age(timestamp)`, whose other end is today, stays the machine's.
    """
    moment = f"TIMESTAMPTZ '{as_of.isoformat(' ')}+00'"
    for name, kind in _CLOCKS.items():
        connection.execute(f"CREATE MACRO {name}() AS CAST({moment} AS {kind})")


def known_at(
    connection: duckdb.DuckDBPyConnection, entry: CatalogueEntry, source: str, record: str, as_of: datetime
) -> str:
    """The SELECT of what was known at a time of a public table: events until then, buckets that had ended.

    Args:
        connection: Has the recording attached.
        entry: The public table.
        source: Its full name.
        record: Full name of the schema with a recording's base tables, which need not be there.
        as_of: The time, UTC.
    """
    end = as_of - timedelta(seconds=entry.bucket_seconds or 0)
    known = f"WHERE {entry.time_column} <= TIMESTAMP '{end.isoformat(' ')}'"
    if entry.name == "resources_local":
        try:
            connection.execute(f"SELECT 1 FROM {record}.resources LIMIT 0")
        except duckdb.CatalogException:
            return (
                f"SELECT * FROM {source} {known}"  # no file of `coral record`: there is the newest state only
            )
        return (
            "SELECT service_name, instance_id, agent_id, CAST(arg_max(attributes, last_seen) AS JSON) AS"
            f" attributes, max(last_seen) AS last_seen FROM {record}.resources {known}"
            " GROUP BY service_name, instance_id, agent_id"
        )
    return f"SELECT * FROM {source} {known}"
