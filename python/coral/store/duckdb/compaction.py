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
    "rollups": ("service_name", "span_name, kind"),
    "service_edges": ("caller", "callee"),
    "log_counts": ("service_name", "severity"),
    "system_metrics": ("agent_id", "agent_id"),
    "resources": ("service_name", "instance_id, agent_id"),
}
"""What can be merged: the column whose ranges are merged one after the other, and what else, beside the time,
tells rows apart that are not merged with each other."""


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
    key, _ = _KEYS[merge.table]
    source = f"SELECT * FROM ({parquet_scan(segment.path for segment in segments)}) WHERE {merge.condition}"
    count = 0
    writer: pq.ParquetWriter | None = None
    with _database(target.parent) as connection:
        try:
            for piece in _pieces(connection, source, merge):
                part = (
                    f"SELECT * FROM ({source}) WHERE {key} >= $low AND {key} <= $high AND {piece.condition}"
                )
                sql = _sql(merge.table).format(source=part, width=merge.width)
                values = {"low": piece.low, "high": piece.high}
                rows: pa.Table = connection.sql(sql, params=values).to_arrow_table()
                if writer is None:
                    writer = pq.ParquetWriter(target, rows.schema, compression="zstd")
                writer.write_table(rows)
                count += rows.num_rows
        finally:
            if writer is not None:
                writer.close()
    return count


@dataclass(frozen=True)
class _Piece:
    """Rows that are merged at once: keys from `low` to `high`, of which those that meet the condition."""

    low: str
    high: str
    condition: str = "true"


def _pieces(connection: duckdb.DuckDBPyConnection, source: str, merge: Merge) -> Iterator[_Piece]:
    """Pieces that together are all rows, in order, with about `MERGE_PIECE_ROWS` rows each.

    What becomes one row is in one piece. A key with more rows than that is split by the hash of the rest
    of what is grouped by.
    """
    key, rest = _KEYS[merge.table]
    found: list[tuple[Any, ...]] = connection.execute(
        f"SELECT {key}, count(*) FROM ({source}) GROUP BY ALL ORDER BY {key}"
    ).fetchall()
    first, last, rows = "", "", 0
    for value, count in found:
        if rows and rows + count > MERGE_PIECE_ROWS:
            yield _Piece(first, last)
            rows = 0
        if count > MERGE_PIECE_ROWS:
            parts = -(-count // MERGE_PIECE_ROWS)
            within = f"hash({_bucket(merge)}, {rest}) % {parts}"
            yield from (_Piece(value, value, f"{within} = {part}") for part in range(parts))
            continue
        if not rows:
            first = value
        last = value
        rows += count
    if rows:
        yield _Piece(first, last)


def _bucket(merge: Merge) -> str:
    return "0" if merge.table == "resources" else f"time_bucket(INTERVAL '{merge.width}', bucket_time)"


def _database(spill: Path) -> duckdb.DuckDBPyConnection:
    """A database for the work; what does not fit into its memory is spilled into a folder."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "memory_limit": f"{MERGE_MEMORY_BYTES}B",
        "temp_directory": str(spill / "spill"),
    }
    return duckdb.connect(":memory:", config=config)


@cache
def _sql(table: str) -> str:
    path = resources.files("coral.store.duckdb.merging") / f"{table}.sql"
    return path.read_text(encoding="utf-8")
