"""What a colony's data take on disk per day and in the long run, extrapolated from some minutes of them.

The segments that a run left are merged as the colony will merge them in the course of a day, and as its tiers
will do later: into one bucket, whose size is about that of 15 minutes, an hour, or a day. (A longer bucket of
real requests has some more histogram buckets than one of ten minutes.)
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from coral.config.colony_file import COLONY_SETTINGS
from coral.config.settings import configure
from coral.store.api import Segment
from coral.store.duckdb.compaction import Merge, mergeable_tables, write_merged
from coral.store.duckdb.rebuild import find_segments
from coral.store.duckdb.tables import COLONY_TABLES

_DAY_SECONDS: Final = 86400


def print_growth(data: Path, *, minutes: float, scratch: Path) -> None:
    """Prints a table of the bytes of each kind of data.

    Args:
        data: The data directory of a colony that has stopped and began with the run.
        minutes: How long it took data.
        scratch: A folder for merged files; made here.
    """
    scratch.mkdir()
    ages = configure(COLONY_SETTINGS, flags={}, file=None, environment={})
    found: dict[str, list[Segment]] = {}
    for segment in find_segments(data / "segments", COLONY_TABLES).segments:
        found.setdefault(segment.table, []).append(segment)
    print(f"{'on disk':<24} {'MB a day':>10} {'days kept':>10} {'MB in the end':>14}")
    total = 0.0
    for table in sorted(found):
        written = sum(segment.size_bytes for segment in found[table])
        if table in mergeable_tables():
            written = _merged(found[table], Merge(table), scratch)
        days = (ages[f"retention.{table}"] or ages["retention.default"]) / _DAY_SECONDS
        # Descriptions of instances replace each other.
        total += _line(table, written / minutes * 1440 if table != "resources" else written / days, days)
    bucket = _merged(found["rollups"], Merge("rollups", "1 day"), scratch)
    for before, tier in zip(
        ("rollups", "rollups_15m", "rollups_1h"), ("rollups_15m", "rollups_1h", "rollups_1d"), strict=True
    ):
        (width,) = (table.width for table in COLONY_TABLES if table.name == tier)
        days = (ages[f"retention.{tier}"] - ages[f"retention.{before}"]) / _DAY_SECONDS
        total += _line(tier, bucket * (timedelta(days=1) / width), days)
    print(f"{'all':<24} {'':>10} {'':>10} {total / 1e6:>14,.0f}")


def _line(name: str, per_day: float, days: float) -> float:
    print(f"{name:<24} {per_day / 1e6:>10,.1f} {days:>10g} {per_day * days / 1e6:>14,.0f}")
    return per_day * days


def _merged(segments: Sequence[Segment], merge: Merge, scratch: Path) -> int:
    """Bytes of the merged rows."""
    target = scratch / f"{merge.table}.parquet"
    write_merged(segments, merge, target)
    size = target.stat().st_size
    target.unlink()
    return size
