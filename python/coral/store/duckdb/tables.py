"""The segmented tables, their time columns, and how the public views are built on them.

Base tables (`spans`, `rollups`, ...) are the same on agent and colony, so that one set of views and
helper queries serves both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib import resources
from typing import Final

from coral.limits import MAX_SCRIPT_EVENTS_BYTES


@dataclass(frozen=True)
class SegmentedTable:
    """A table whose rows move into sealed segments.

    Attributes:
        name: The table's name.
        time_column: The column that segments are pruned and expired by.
        order_by: Order of the rows in a segment, for good compression and pruning.
        width: The length of its buckets of time, where it has any.
        tier_of: The table of which it holds older rows, merged into longer buckets: whoever reads that
            one reads this one as well.
        max_bytes: What its segments may take together; beyond it the oldest are dropped. None is no limit.
        private: Whether callers' SQL must not read it.
        redacted: Columns of text in which values are that not everybody may see.
    """

    name: str
    time_column: str
    order_by: str
    width: timedelta = timedelta(0)
    tier_of: str | None = None
    max_bytes: int | None = None
    private: bool = False
    redacted: tuple[str, ...] = ()


SPANS: Final = SegmentedTable(
    "spans",
    "start_time",
    "service_name, start_time",
    redacted=("attributes", "events", "links", "status_message"),
)
ROLLUPS: Final = SegmentedTable("rollups", "bucket_time", "service_name, bucket_time", timedelta(minutes=1))
ROLLUPS_15M: Final = SegmentedTable(
    "rollups_15m", "bucket_time", "service_name, bucket_time", timedelta(minutes=15), tier_of="rollups"
)
ROLLUPS_1H: Final = SegmentedTable(
    "rollups_1h", "bucket_time", "service_name, bucket_time", timedelta(hours=1), tier_of="rollups"
)
ROLLUPS_1D: Final = SegmentedTable(
    "rollups_1d", "bucket_time", "service_name, bucket_time", timedelta(days=1), tier_of="rollups"
)
SYSTEM_METRICS: Final = SegmentedTable("system_metrics", "bucket_time", "agent_id, bucket_time")
RESOURCES: Final = SegmentedTable(
    "resources", "last_seen", "service_name, instance_id", redacted=("attributes",)
)
LOG_COUNTS: Final = SegmentedTable("log_counts", "bucket_time", "service_name, bucket_time")
SERVICE_EDGES: Final = SegmentedTable("service_edges", "bucket_time", "caller, callee, bucket_time")
METRICS: Final = SegmentedTable(
    "metrics", "time", "service_name, metric_name, time", redacted=("attributes",)
)
LOGS: Final = SegmentedTable("logs", "time", "service_name, time", redacted=("attributes", "body"))
HOST_SAMPLES: Final = SegmentedTable("host_samples", "time", "time")

SCRIPT_EVENTS: Final = SegmentedTable(
    "script_events", "received_at", "ingest_seq", max_bytes=MAX_SCRIPT_EVENTS_BYTES, private=True
)

_COMMON_TABLES: Final = (SPANS, ROLLUPS, SYSTEM_METRICS, RESOURCES, LOG_COUNTS, SERVICE_EDGES)
COLONY_TABLES: Final = (*_COMMON_TABLES, ROLLUPS_15M, ROLLUPS_1H, ROLLUPS_1D, SCRIPT_EVENTS)
AGENT_TABLES: Final = (*_COMMON_TABLES, METRICS, LOGS, HOST_SAMPLES)
PRIVATE_TABLES: Final = frozenset(table.name for table in COLONY_TABLES if table.private)
"""Segmented tables that callers' SQL does not read."""


def segmented_tables(kind: str) -> tuple[SegmentedTable, ...]:
    """The segmented tables of a kind of store, `"agent"` or `"colony"`."""
    return AGENT_TABLES if kind == "agent" else COLONY_TABLES


def with_tiers(kind: str, name: str) -> tuple[str, ...]:
    """A table and those that hold its older rows in longer buckets, finest first."""
    return (name, *(table.name for table in segmented_tables(kind) if table.tier_of == name))


@dataclass(frozen=True)
class PublicView:
    """A view that callers read.

    Attributes:
        name: Its name; the SELECT is `views/NAME.sql`.
        base: The table that it is built on.
        time_column: Its own column of time.
        bucket_seconds: Length of the time that a row stands for; None where each row is one event.
        description: What a row is.
    """

    name: str
    base: str
    time_column: str
    bucket_seconds: int | None
    description: str


PUBLIC_VIEWS: Final = (
    PublicView("otel_spans_local", "spans", "start_time", None, "A span; on a colony a sample of them."),
    PublicView("trace_summary", "spans", "start_time", None, "A service's part in a trace."),
    PublicView(
        "service_summary", "rollups", "bucket_time", 60, "Requests, errors, percentiles of a service."
    ),
    PublicView("system_metrics_rollup", "system_metrics", "bucket_time", 60, "A minute of an agent's host."),
    PublicView("resources_local", "resources", "last_seen", None, "An instance of a service."),
    PublicView("otel_metrics_local", "metrics", "time", None, "A metric point."),
    PublicView("otel_logs_local", "logs", "time", None, "A log record."),
    PublicView("log_summary", "log_counts", "bucket_time", 60, "Log records of a service and severity."),
    PublicView("beyla_http_metrics", "rollups", "timestamp", 60, "A route by its server's metrics."),
    PublicView("service_graph", "service_edges", "bucket_time", 60, "Calls from one service to another."),
    PublicView("system_metrics_local", "host_samples", "time", None, "A sample of this host."),
)
"""What SQL reads; see `catalogue.py` for how callers learn of it."""


def public_views(tables: tuple[SegmentedTable, ...]) -> list[str]:
    """Names of the public views that can be built on these tables."""
    names = {table.name for table in tables}
    return [view.name for view in PUBLIC_VIEWS if view.base in names]


@cache
def view_sql(name: str) -> str:
    """The SELECT of a public view, over the base tables; it needs `macros_sql` loaded."""
    return _read(f"{name}.sql").rstrip().rstrip(";")


@cache
def macros_sql() -> str:
    """Statements that create the macros which views and helper queries use."""
    return _read("macros.sql")


def _read(name: str) -> str:
    path = resources.files("coral.store.duckdb") / "views" / name
    return path.read_text(encoding="utf-8")
