"""Which past a store only has in longer buckets, and windows that fit them."""

from __future__ import annotations

from datetime import datetime, timedelta

from coral.store.api import QueriedStore
from coral.store.duckdb.tables import COLONY_TABLES

_EPOCH = datetime(1970, 1, 1)


def coarse_past(store: QueriedStore) -> list[tuple[timedelta, datetime]]:
    """Width of each tier of longer buckets that is not empty, and its newest bucket's end; finest first."""
    widths = {table.name: table.width for table in COLONY_TABLES if table.tier_of is not None}
    rows = store.query(
        "SELECT table_name, max(max_time) FROM main.segments WHERE list_contains(?, table_name) GROUP BY ALL",
        [list(widths)],
        since={},
    )
    return sorted((widths[name], newest + widths[name]) for name, newest in rows)


def widened(start: datetime, past: list[tuple[timedelta, datetime]]) -> datetime:
    """The start of the bucket that a time lies in: itself where minutes are kept.

    A bucket cannot be cut, so a window that begins within one includes all of it.
    """
    for width, end in past:
        if start < end:
            start -= (start - _EPOCH) % width
    return start
