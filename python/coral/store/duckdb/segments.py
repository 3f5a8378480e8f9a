"""Sealed segments: immutable Parquet files, listed in the active database.

A file is written under a temporary name, synced and renamed; then it is listed, and what it replaces
(rows of the active database, or other segments) goes, in one transaction. A crash at any point leaves
either the old or the new, never both and never neither; files that are not listed are deleted at the
next start.

Files that merging or retention dropped stay on disk for `GRACE_SECONDS`, because readers may have
listed them a moment ago.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb

from coral.store.api import Segment
from coral.store.duckdb.footer import footer_option, segment_name
from coral.store.duckdb.rows import one_row
from coral.store.duckdb.tables import SegmentedTable

GRACE_SECONDS: Final = 60.0
DAMAGED_FOLDER: Final = "damaged"

_SMALL_GROUP_ROWS: Final = 2048  # of rows that are too large to be sorted; a group is made in memory
_COLUMNS: Final = (
    "path, table_name, first_seq, last_seq, row_count, size_bytes, min_time, max_time, created_at"
)


class SegmentFolder:
    """The folder of a store's segment files, and their list. One thread at a time changes it."""

    def __init__(self, root: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.root = root
        self._monotonic = monotonic
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
            f"SELECT {_COLUMNS} FROM main.segments WHERE {' AND '.join(conditions)}"
            " ORDER BY table_name, first_seq, path",
            values,
        ).fetchall()
        return [Segment(self.root / row[0], *row[1:]) for row in rows]

    def fill_created_at(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Gives segments of older versions their time of arrival: the time of their file."""
        for (name,) in connection.execute("SELECT path FROM segments WHERE created_at IS NULL").fetchall():
            path = self.root / name
            seconds = path.stat().st_mtime if path.exists() else time.time()
            connection.execute(
                "UPDATE segments SET created_at = ? WHERE path = ?",
                [datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None), name],
            )

    def delete_unlisted(self, connection: duckdb.DuckDBPyConnection) -> int:
        """Deletes files that a crash left behind; for the start, before any reader. Returns how many."""
        listed = {segment.path for segment in self.listed(connection)}
        orphans = [path for path in self.root.iterdir() if path.is_file() and path not in listed]
        for path in orphans:
            path.unlink()
        return len(orphans)

    def write(
        self,
        connection: duckdb.DuckDBPyConnection,
        sources: Sequence[tuple[SegmentedTable, str]],
        *,
        created_at: datetime,
        replaces: Sequence[Segment] = (),
        in_order: bool = True,
    ) -> list[Segment]:
        """Writes segment files, durably, without listing them. When it fails, none is left.

        Args:
            connection: Reads the sources.
            sources: Table and SELECT of the rows; one without rows makes no file.
            created_at: Newest arrival of the rows.
            replaces: The segments whose rows these are.
            in_order: Sort the rows as the table wants it, which makes files smaller and reading faster, and
                needs memory for all rows. Otherwise they are written as they come, in small groups.

        Returns:
            The segments written.
        """
        planned = [
            (segment, table, source)
            for table, source in sources
            if (segment := self._plan(connection, source, table, created_at)) is not None
        ]
        outputs = [segment.path.name for segment, _, _ in planned]
        originals = [segment.path.name for segment in replaces]
        written: list[Segment] = []
        try:
            for segment, table, source in planned:
                option = footer_option(segment, outputs=outputs, replaces=originals)
                order = table.order_by if in_order else None
                written.append(self._copy(connection, segment, source, order, option))
            if written:
                sync_path(self.root)
        except BaseException:
            self.discard(written)
            raise
        return written

    def list_in(
        self, connection: duckdb.DuckDBPyConnection, add: Iterable[Segment], drop: Iterable[Segment] = ()
    ) -> None:
        """Lists segments and takes others from the list, within the caller's transaction."""
        dropped = [segment.path.name for segment in drop]
        if dropped:
            connection.execute("DELETE FROM segments WHERE path IN (SELECT unnest(?))", [dropped])
        for segment in add:
            connection.execute(
                f"INSERT INTO segments ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    segment.path.name,
                    segment.table,
                    segment.first_seq,
                    segment.last_seq,
                    segment.row_count,
                    segment.size_bytes,
                    segment.min_time,
                    segment.max_time,
                    segment.created_at,
                ],
            )

    def discard(self, segments: Iterable[Segment]) -> None:
        """Deletes files that were written and are not going to be listed."""
        for segment in segments:
            segment.path.unlink(missing_ok=True)

    def drop_later(self, segments: Iterable[Segment]) -> None:
        """Notes files that are no longer listed, for `delete_dropped`."""
        now = self._monotonic()
        self._dropped += [(now, segment.path) for segment in segments]

    def delete_dropped(self, *, grace: float = GRACE_SECONDS) -> None:
        """Deletes dropped files whose grace has passed."""
        now = self._monotonic()
        for dropped_at, path in self._dropped:
            if now - dropped_at >= grace:
                path.unlink(missing_ok=True)
        self._dropped = [(at, path) for at, path in self._dropped if now - at < grace]

    def put_aside(self, path: Path, why: str) -> Path:
        """Moves a damaged file, if it is still there, into `damaged/`, with a note; answers its new path."""
        folder = self.root / DAMAGED_FOLDER
        folder.mkdir(exist_ok=True)
        target = folder / path.name
        if path.exists():
            path.replace(target)
        target.with_name(f"{path.name}.txt").write_text(f"{why}\n", encoding="utf-8")
        return target

    def _plan(
        self, connection: duckdb.DuckDBPyConnection, source: str, table: SegmentedTable, created_at: datetime
    ) -> Segment | None:
        count, first_seq, last_seq, min_time, max_time = one_row(
            connection,
            f"SELECT count(*), min(ingest_seq), max(ingest_seq), min({table.time_column}),"
            f" max({table.time_column}) FROM ({source})",
        )
        if count == 0:
            return None
        path = self.root / segment_name(table.name, first_seq, last_seq)
        return Segment(path, table.name, first_seq, last_seq, count, 0, min_time, max_time, created_at)

    def _copy(
        self,
        connection: duckdb.DuckDBPyConnection,
        segment: Segment,
        source: str,
        order: str | None,
        option: str,
    ) -> Segment:
        temporary = self.root / f".{segment.path.name}.partial"
        try:
            rows = f"SELECT * FROM ({source})" + ("" if order is None else f" ORDER BY {order}")
            groups = f", ROW_GROUP_SIZE {_SMALL_GROUP_ROWS}" if order is None else ""
            connection.execute(
                f"COPY ({rows}) TO {quoted(temporary)} (FORMAT parquet, COMPRESSION zstd{groups}, {option})"
            ).fetchall()
            sync_path(temporary)
            temporary.replace(segment.path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return replace(segment, size_bytes=segment.path.stat().st_size)


def parquet_list(paths: Iterable[Path]) -> str:
    """A SQL list literal of file paths."""
    return "[" + ", ".join(quoted(path) for path in paths) + "]"


def parquet_scan(paths: Iterable[Path]) -> str:
    """A SELECT over segment files; columns that an older file lacks are NULL."""
    return f"SELECT * FROM read_parquet({parquet_list(paths)}, union_by_name=true)"


def quoted(path: Path) -> str:
    """A SQL string literal of a path."""
    return "'" + str(path).replace("'", "''") + "'"


def sync_path(path: Path) -> None:
    """Makes a file, or the names in a folder, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
