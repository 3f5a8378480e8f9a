"""Sealed segments: immutable Parquet files, listed in the active database.

A seal writes the rows up to a sequence to a temporary file, syncs it, renames it, and then lists it
and deletes its rows in one transaction. A crash at any point leaves either the rows or the listed
file, never both and never neither; files that are not listed are deleted at the next start.

Merging keeps the number of files small. Files that merging or retention dropped stay on disk for
`GRACE_SECONDS`, because readers may have listed them a moment ago.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

import duckdb

from coral.store.api import Segment
from coral.store.duckdb.rows import one_row
from coral.store.duckdb.tables import SegmentedTable

GRACE_SECONDS: Final = 60.0
MERGE_FAN_IN: Final = 8
_SIZE_CLASSES: Final = (10_000, 100_000, 1_000_000)

_COLUMNS: Final = "path, table_name, first_seq, last_seq, row_count, size_bytes, min_time, max_time"


class SegmentFolder:
    """The folder of a store's segment files. Only the writer thread calls what changes it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._dropped: list[tuple[float, Path]] = []
        root.mkdir(parents=True, exist_ok=True)

    def listed(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: str | None = None,
        *,
        since: datetime | None = None,
    ) -> list[Segment]:
        """The listed segments, by table and sequence, that reach to `since` or beyond it."""
        conditions = ["true"]
        values: list[str | datetime] = []
        if table is not None:
            conditions.append("table_name = ?")
            values.append(table)
        if since is not None:
            conditions.append("max_time >= ?")
            values.append(since)
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM segments WHERE {' AND '.join(conditions)}"
            " ORDER BY table_name, first_seq",
            values,
        ).fetchall()
        return [Segment(self.root / row[0], *row[1:]) for row in rows]

    def delete_unlisted(self, connection: duckdb.DuckDBPyConnection) -> int:
        """Deletes files that a crash left behind; for the start, before any reader. Returns how many."""
        listed = {segment.path for segment in self.listed(connection)}
        orphans = [path for path in self.root.iterdir() if path.is_file() and path not in listed]
        for path in orphans:
            path.unlink()
        return len(orphans)

    def seal(
        self, connection: duckdb.DuckDBPyConnection, table: SegmentedTable, *, upto_seq: int
    ) -> Segment | None:
        """Moves the active rows of a table up to a sequence into a new segment.

        Returns:
            The new segment, or None when there was no such row.
        """
        source = f"SELECT * FROM main.{table.name} WHERE ingest_seq <= {upto_seq:d}"
        segment = self._write(connection, source, table)
        if segment is not None:
            connection.execute("BEGIN TRANSACTION")
            self._list(connection, segment)
            connection.execute(f"DELETE FROM main.{table.name} WHERE ingest_seq <= ?", [upto_seq])
            connection.execute("COMMIT")
        return segment

    def merge(self, connection: duckdb.DuckDBPyConnection, table: SegmentedTable) -> Segment | None:
        """Merges one run of neighbouring segments of a size class, if there is one long enough."""
        run = _mergeable(self.listed(connection, table.name))
        if not run:
            return None
        merged = self._write(connection, parquet_scan(segment.path for segment in run), table)
        if merged is None:
            return None
        connection.execute("BEGIN TRANSACTION")
        self._list(connection, merged)
        self._unlist(connection, run)
        connection.execute("COMMIT")
        return merged

    def expire(
        self, connection: duckdb.DuckDBPyConnection, table: SegmentedTable, *, before: datetime
    ) -> int:
        """Drops segments that hold nothing newer than `before`. Returns the number of rows dropped."""
        old = [segment for segment in self.listed(connection, table.name) if segment.max_time < before]
        if old:
            connection.execute("BEGIN TRANSACTION")
            self._unlist(connection, old)
            connection.execute("COMMIT")
        return sum(segment.row_count for segment in old)

    def delete_dropped(self) -> None:
        """Deletes dropped files whose grace has passed."""
        now = time.monotonic()
        for dropped_at, path in self._dropped:
            if now - dropped_at >= GRACE_SECONDS:
                path.unlink(missing_ok=True)
        self._dropped = [(at, path) for at, path in self._dropped if now - at < GRACE_SECONDS]

    def _write(
        self, connection: duckdb.DuckDBPyConnection, source: str, table: SegmentedTable
    ) -> Segment | None:
        count, first_seq, last_seq, min_time, max_time = one_row(
            connection,
            f"SELECT count(*), min(ingest_seq), max(ingest_seq), min({table.time_column}),"
            f" max({table.time_column}) FROM ({source})",
        )
        if count == 0:
            return None
        name = f"{table.name}-{first_seq:012d}-{last_seq:012d}-{uuid.uuid4().hex[:8]}.parquet"
        temporary, final = self.root / f".{name}.partial", self.root / name
        connection.execute(
            f"COPY ({source} ORDER BY {table.order_by}) TO {quoted(temporary)}"
            " (FORMAT parquet, COMPRESSION zstd)"
        )
        _sync(temporary)
        temporary.replace(final)
        _sync(self.root)
        size = final.stat().st_size
        return Segment(final, table.name, first_seq, last_seq, count, size, min_time, max_time)

    def _list(self, connection: duckdb.DuckDBPyConnection, segment: Segment) -> None:
        connection.execute(
            f"INSERT INTO segments ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                segment.path.name,
                segment.table,
                segment.first_seq,
                segment.last_seq,
                segment.row_count,
                segment.size_bytes,
                segment.min_time,
                segment.max_time,
            ],
        )

    def _unlist(self, connection: duckdb.DuckDBPyConnection, segments: list[Segment]) -> None:
        for segment in segments:
            connection.execute("DELETE FROM segments WHERE path = ?", [segment.path.name])
            self._dropped.append((time.monotonic(), segment.path))


def parquet_list(paths: Iterable[Path]) -> str:
    """A SQL list literal of file paths."""
    return "[" + ", ".join(quoted(path) for path in paths) + "]"


def parquet_scan(paths: Iterable[Path]) -> str:
    """A SELECT over segment files; columns that an older file lacks are NULL."""
    return f"SELECT * FROM read_parquet({parquet_list(paths)}, union_by_name=true)"


def quoted(path: Path) -> str:
    """A SQL string literal of a path."""
    return "'" + str(path).replace("'", "''") + "'"


def _mergeable(segments: list[Segment]) -> list[Segment]:
    """The first run of `MERGE_FAN_IN` neighbours that are all below one size class."""
    for limit in _SIZE_CLASSES:
        run: list[Segment] = []
        for segment in segments:
            run = [*run, segment] if segment.row_count < limit else []
            if len(run) == MERGE_FAN_IN:
                return run
    return []


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
