"""What callers' SQL can read: every public view and base table, its time column and its bucket of time.

The same text is the view `table_catalogue`, so that a caller can ask which column to filter by.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from coral.store.duckdb.tables import COLONY_TABLES, PUBLIC_VIEWS, segmented_tables

CATALOGUE: Final = "table_catalogue"

_BASE_TABLES: Final = {
    "spans": "Single spans as stored.",
    "rollups": "Requests per service, operation, kind and bucket, with histograms.",
    "system_metrics": "Sums of host samples per agent and minute.",
    "resources": "Attributes of service instances, as they were reported.",
    "log_counts": "Counts of log records per agent, service and severity.",
    "service_edges": "Calls between services, with histograms.",
    "metrics": "Metric points as stored.",
    "logs": "Log records as stored.",
    "host_samples": "Single samples of this host.",
}


@dataclass(frozen=True)
class CatalogueEntry:
    """One name that SQL can read.

    Attributes:
        name: Of the table or view.
        kind: `view`, which is the public interface, or `table`, which may change between versions.
        time_column: Its time, UTC: what a window of time is a condition on.
        bucket_seconds: Length of the time that a row stands for; None where each row is one event.
        older_bucket_seconds: Lengths into which old rows are merged, ascending; empty where they never are.
        description: What a row is.
    """

    name: str
    kind: str
    time_column: str
    bucket_seconds: int | None
    older_bucket_seconds: tuple[int, ...]
    description: str


@cache
def catalogue(kind: str) -> tuple[CatalogueEntry, ...]:
    """What can be read in a store, `"agent"` or `"colony"`: views first, by name."""
    base = {table.name: table for table in segmented_tables(kind) if not (table.tier_of or table.private)}
    views = [
        CatalogueEntry(
            view.name,
            "view",
            view.time_column,
            view.bucket_seconds,
            _older(kind, view.base) if view.bucket_seconds else (),
            view.description,
        )
        for view in PUBLIC_VIEWS
        if view.base in base
    ]
    tables = [
        CatalogueEntry(
            name,
            "table",
            table.time_column,
            60 if table.time_column == "bucket_time" else None,
            _older(kind, name),
            _BASE_TABLES[name],
        )
        for name, table in base.items()
    ]
    return (*sorted(views, key=lambda entry: entry.name), *sorted(tables, key=lambda entry: entry.name))


@cache
def catalogue_sql(kind: str) -> str:
    """The SELECT of `table_catalogue`; it reads nothing."""
    return entries_sql(catalogue(kind))


def entries_sql(entries: Sequence[CatalogueEntry]) -> str:
    """A SELECT that answers these entries; it reads nothing."""
    rows = ", ".join(
        f"({_text(entry.name)}, {_text(entry.kind)}, {_text(entry.time_column)},"
        f" CAST({'NULL' if entry.bucket_seconds is None else entry.bucket_seconds} AS BIGINT),"
        f" CAST({list(entry.older_bucket_seconds)} AS BIGINT[]), {_text(entry.description)})"
        for entry in entries
    )
    columns = "table_name, kind, time_column, bucket_seconds, older_bucket_seconds, description"
    return f"SELECT * FROM (VALUES {rows}) entries({columns})"


def _older(kind: str, base: str) -> tuple[int, ...]:
    tiers: Iterable[int] = (
        round(table.width.total_seconds()) for table in COLONY_TABLES if table.tier_of == base
    )
    return tuple(sorted(tiers)) if kind == "colony" else ()


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
