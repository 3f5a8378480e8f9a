"""Merging rows of segments by their meaning: the deltas of a minute, or of a longer bucket, become one row.

What may be merged is additive (counts, sums, histograms) or has a newest value, so the order and the
number of merges do not matter and nothing is averaged. The work is done in a small database of its own
over the immutable files, a range of keys at a time: neither the writer nor readers wait for it, and
memory stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from coral.limits import MERGE_MEMORY_BYTES, MERGE_PIECE_ROWS
from coral.store.api import Segment
from coral.store.duckdb.segments import parquet_scan

MINUTE: Final = "1 minute"

_KEYS: Final = {
    "rollups": "service_name",
    "service_edges": "caller",
    "log_counts": "service_name",
    "system_metrics": "agent_id",
    "resources": "service_name",
}
"""What can be merged, and the column whose ranges are merged one after the other."""


@dataclass(frozen=True)
class Merge:
    """What to merge.

    Attributes:
        table: The table by whose meaning rows are merged, a key of `merging/*.sql`.
        width: The bucket, as SQL writes an interval.
        condition: Which rows; the others are left out.
    """

    table: str
    width: str = MINUTE
    condition: str = "true"


def mergeable_tables() -> tuple[str, ...]:
    """Tables whose rows can be merged by their meaning."""
    return tuple(_KEYS)


def write_merged(segments: Sequence[Segment], merge: Merge, target: Path) -> int:
    """Writes the merged rows of segments into one Parquet file, sorted as the table wants it.

    Args:
        segments: Listed segments of one table or of its tiers.
        merge: What to merge.
        target: The file; written anew.

    Returns:
        The number of rows; without any there is no file.

    Raises:
        duckdb.Error: A segment cannot be read.
    """
    key = _KEYS[merge.table]
    source = f"SELECT * FROM ({parquet_scan(segment.path for segment in segments)}) WHERE {merge.condition}"
    count = 0
    writer: pq.ParquetWriter | None = None
    with _database() as connection:
        try:
            for low, high in _ranges(connection, source, key):
                part = f"SELECT * FROM ({source}) WHERE {key} >= $low AND {key} <= $high"
                sql = _sql(merge.table).format(source=part, width=merge.width)
                rows: pa.Table = connection.sql(sql, params={"low": low, "high": high}).to_arrow_table()
                if writer is None:
                    writer = pq.ParquetWriter(target, rows.schema, compression="zstd")
                writer.write_table(rows)
                count += rows.num_rows
        finally:
            if writer is not None:
                writer.close()
    return count


def _ranges(connection: duckdb.DuckDBPyConnection, source: str, key: str) -> Iterator[tuple[str, str]]:
    """Ranges of keys, first and last, in order, with at most `MERGE_PIECE_ROWS` rows each, or of one key."""
    found: list[tuple[Any, ...]] = connection.execute(
        f"SELECT {key}, count(*) FROM ({source}) GROUP BY ALL ORDER BY {key}"
    ).fetchall()
    first, last, rows = "", "", 0
    for value, count in found:
        if rows and rows + count > MERGE_PIECE_ROWS:
            yield first, last
            rows = 0
        if not rows:
            first = value
        last = value
        rows += count
    if rows:
        yield first, last


def _database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        ":memory:",
        config={"threads": 1, "memory_limit": f"{MERGE_MEMORY_BYTES}B", "temp_directory": ""},
    )


@cache
def _sql(table: str) -> str:
    path = resources.files("coral.store.duckdb.merging") / f"{table}.sql"
    return path.read_text(encoding="utf-8")
