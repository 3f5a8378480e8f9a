"""What changes segments: sealing, merging, expiring, giving up, replacing.

All of it is done by one thread at a time, beside the writer: files are written from snapshots, which
needs no writer, and a short transaction of the writer lists them. So maintenance costs those who write
a commit, not the time of compressing.
"""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import duckdb

from coral.clock import Clock
from coral.errors import CoralError, StorageError
from coral.limits import MAX_SMALL_SEGMENTS
from coral.store.api import Segment, Transaction
from coral.store.duckdb.concat import concatenated
from coral.store.duckdb.database import Database
from coral.store.duckdb.neighbours import mergeable
from coral.store.duckdb.retention import Retention, from_the_future
from coral.store.duckdb.segments import SegmentFolder, parquet_scan
from coral.store.duckdb.tables import SegmentedTable
from coral.store.duckdb.writer import Writer

T = TypeVar("T")
_log = logging.getLogger(__name__)
_MERGE_WINDOWS: Final = 8  # of the retention: a merged segment spans at most this part of it
_ALWAYS_KEPT_WINDOW: Final = timedelta(days=1)
_GIVEN_UP_GRACE_SECONDS: Final = 2.0
_COUNTER_SQL: Final = "UPDATE counters SET value = value + ? WHERE name = 'raw_rows_given_up'"


class Maintenance:
    """Operations on whole segments. The store calls them, or hands them to a job (`Store.maintain`).

    Attributes:
        given_up_rows: Raw rows dropped before their time, since the start.
    """

    def __init__(
        self,
        database: Database,
        writer: Writer,
        folder: SegmentFolder,
        tables: Sequence[SegmentedTable],
        retention: Retention,
        clock: Clock,
        *,
        kind: str,
    ) -> None:
        self._database = database
        self._writer = writer
        self._folder = folder
        self._tables = {table.name: table for table in tables}
        self._retention = retention
        self._clock = clock
        self._kind = kind
        self._sealed_seq = 0  # highest ingest sequence of which no row is left in the active file
        self.given_up_rows = 0

    def segments(self, table: str | None = None) -> list[Segment]:
        """The sealed segments, of one table or all, by table and sequence."""
        with self._reading() as cursor:
            return self._folder.listed(cursor, table)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Runs a SELECT, for example over `parquet_scan` of segments."""
        with self._reading() as cursor:
            return cursor.execute(sql, parameters).fetchall()

    def replace(
        self,
        old: Sequence[Segment],
        new: Sequence[tuple[str, str]],
        *,
        created_at: datetime | None = None,
        also: Callable[[Transaction], None] | None = None,
    ) -> list[Segment]:
        """Replaces segments by the rows of SELECTs, in one transaction: readers see the old or the new.

        Args:
            old: Listed segments.
            new: Table, and a SELECT of its rows (all columns that it must have, `ingest_seq` included,
                which must not exceed that of the rows they replace). It reads `old` by `parquet_scan`.
            created_at: Arrival of the new rows, for retention; default the newest of `old`.
            also: More writes in the same transaction.

        Returns:
            The new segments; a SELECT without rows makes none.

        Raises:
            StorageError: It failed, and nothing has changed.
        """
        newest = created_at or max((segment.created_at for segment in old), default=self._clock.now())
        sources = [(self._tables[table], sql) for table, sql in new]
        with self._reading() as cursor:
            written = _sorted_if_they_fit(
                lambda in_order: self._folder.write(
                    cursor, sources, created_at=newest, replaces=old, in_order=in_order
                )
            )

        def commit(transaction: Transaction) -> None:
            self._folder.list_in(transaction.connection, written, old)
            if also is not None:
                also(transaction)

        self._commit(commit, written)
        self._folder.drop_later(old)
        return written

    def seal(self, upto: Callable[[duckdb.DuckDBPyConnection], int] | None) -> list[Segment]:
        """Moves active rows into new segments.

        Args:
            upto: Answers the highest sequence that may be sealed; default all that is committed.
        """
        last = self._writer.last_seq
        if last <= self._sealed_seq:
            return []
        with self._reading() as cursor:
            written, upto_seq = _sorted_if_they_fit(
                lambda in_order: self._write_active(cursor, upto, last, in_order=in_order)
            )

        def commit(transaction: Transaction) -> None:
            self._folder.list_in(transaction.connection, written)
            for segment in written:
                ((count,),) = transaction.connection.execute(
                    f"DELETE FROM main.{segment.table} WHERE ingest_seq <= ?", [upto_seq]
                ).fetchall()
                if count != segment.row_count:
                    raise StorageError(
                        f"{count} rows of {segment.table} to remove after sealing {segment.row_count}"
                    )

        if written:
            self._commit(commit, written)
        self._sealed_seq = upto_seq
        return written

    def _write_active(
        self,
        cursor: duckdb.DuckDBPyConnection,
        upto: Callable[[duckdb.DuckDBPyConnection], int] | None,
        last: int,
        *,
        in_order: bool,
    ) -> tuple[list[Segment], int]:
        """Writes segments of the active rows; answers them, and the highest sequence in them."""
        cursor.execute("BEGIN TRANSACTION READ ONLY")
        try:
            upto_seq = last if upto is None else min(upto(cursor), last)
            if upto_seq <= self._sealed_seq:
                return [], self._sealed_seq
            sources = [
                (table, f"SELECT * FROM main.{table.name} WHERE ingest_seq <= {upto_seq:d}")
                for table in self._tables.values()
            ]
            now = self._clock.now()
            return self._folder.write(cursor, sources, created_at=now, in_order=in_order), upto_seq
        finally:
            cursor.execute("ROLLBACK")

    def merge(
        self, table: str, *, busy: bool = False, listed: Sequence[Segment] | None = None
    ) -> list[Segment]:
        """Merges one run of neighbouring segments of a table, if there is one worth it.

        Args:
            table: Its name.
            busy: Rather not now, unless there are very many.
            listed: The segments, where they are known; of other tables as well.
        """
        if listed is None:
            listed = self.segments(table)
        age = self._retention.of(table)
        window = age / _MERGE_WINDOWS if age else _ALWAYS_KEPT_WINDOW
        # What is merged counts as sealed: no row of its sequences, or of lower ones, may be active.
        sealed = [one for one in listed if one.table == table and one.last_seq <= self._sealed_seq]
        if busy and len(sealed) < MAX_SMALL_SEGMENTS:
            return []
        run = mergeable(sealed, window=window, now=self._clock.now())
        if not run:
            return []
        newest = max(segment.created_at for segment in run)
        try:
            merged = concatenated(self._folder, self._tables[table], run, created_at=newest)
        except StorageError as error:
            # DuckDB tells better what is wrong with a file, and the caller acts on it.
            _log.warning("%s; trying with DuckDB", error)
            merged = None
        if merged is None:
            return self.replace(run, [(table, parquet_scan(segment.path for segment in run))])
        self._commit(
            lambda transaction: self._folder.list_in(transaction.connection, [merged], run), [merged]
        )
        self._folder.drop_later(run)
        return [merged]

    def expire(self, now: datetime) -> int:
        """Drops segments whose time is over. Returns the number of rows dropped.

        Args:
            now: The time, by a clock that can be trusted.
        """
        segments = self.segments()
        ahead = from_the_future(segments, now=now)
        old = self._retention.expired(segments, now=now)
        old += [segment for segment in self._surplus(segments) if segment not in old]
        if old or ahead:

            def commit(transaction: Transaction) -> None:
                self._folder.list_in(transaction.connection, (), old)
                for segment in ahead:
                    transaction.connection.execute(
                        "UPDATE segments SET created_at = ? WHERE path = ?", [now, segment.path.name]
                    )

            self._commit(commit, ())
            self._folder.drop_later(old)
        return sum(segment.row_count for segment in old)

    def _surplus(self, segments: Sequence[Segment]) -> list[Segment]:
        """The oldest segments of tables that have more than their `max_bytes`."""
        surplus: list[Segment] = []
        for table in self._tables.values():
            own = [segment for segment in segments if segment.table == table.name]
            excess = sum(segment.size_bytes for segment in own) - (table.max_bytes or math.inf)
            for segment in sorted(own, key=lambda segment: segment.last_seq):
                if excess <= 0:
                    break
                surplus.append(segment)
                excess -= segment.size_bytes
        return surplus

    def give_up(self, excess: int, *, why: str) -> int:
        """Drops the oldest raw segments until `excess` bytes are freed; counts them. Returns their rows."""
        old = self._retention.oldest(self.segments(), excess=excess)
        if not old:
            return 0
        rows = sum(segment.row_count for segment in old)

        def commit(transaction: Transaction) -> None:
            self._folder.list_in(transaction.connection, (), old)
            if self._kind == "agent":
                transaction.connection.execute(_COUNTER_SQL, [rows])

        self._commit(commit, ())
        self.given_up_rows += rows
        self._folder.drop_later(old)
        _log.warning("gave up %d raw rows in %d segments before their time: %s", rows, len(old), why)
        return rows

    def give_up_active(self, upto: Callable[[duckdb.DuckDBPyConnection], int] | None, *, why: str) -> int:
        """Deletes raw rows that could be sealed, where there is no room to seal them; counts them."""

        def commit(transaction: Transaction) -> int:
            connection = transaction.connection
            limit = transaction.seq if upto is None else upto(connection)
            count = 0
            for table in self._retention.given_up_first:
                ((deleted,),) = connection.execute(
                    f"DELETE FROM main.{table} WHERE ingest_seq <= ?", [limit]
                ).fetchall()
                count += deleted
            if self._kind == "agent":
                connection.execute(_COUNTER_SQL, [count])
            return count

        rows = self._writer.submit(commit).result()
        self.given_up_rows += rows
        if rows:
            _log.warning("gave up %d raw rows before they were sealed: %s", rows, why)
        return rows

    def put_damaged_aside(self, tables: Sequence[str] | None = None) -> int:
        """Reads all segments (of some tables); quarantines those that cannot be read. Returns how many.

        Raises:
            StorageError: The whole folder is not there; that says nothing of single segments.
        """
        if not self._folder.root.is_dir():
            raise StorageError(
                f"the folder {self._folder.root} is not there any more",
                hint="stop this program, and put the data directory back or start afresh",
            )
        count = 0
        for segment in self.segments():
            if tables is not None and segment.table not in tables:
                continue
            why = self._damage(segment)
            if why is None:
                continue

            def commit(transaction: Transaction, bad: Segment = segment) -> None:
                self._folder.list_in(transaction.connection, (), [bad])

            self._commit(commit, ())
            text = (
                f"segment {segment.path.name} was damaged ({why}) and is kept in"
                f" {self._folder.root.name}/damaged; {segment.row_count} rows of {segment.table} are lost"
            )
            self._folder.put_aside(segment.path, text)
            _log.error("%s", text)
            count += 1
        return count

    def delete_dropped(self, *, hurry: bool = False) -> None:
        """Deletes files that nobody may be reading any more."""
        if hurry:
            self._folder.delete_dropped(grace=_GIVEN_UP_GRACE_SECONDS)
        else:
            self._folder.delete_dropped()

    def checkpoint(self) -> bool:
        """Writes the log into the database file; the writer waits.

        Returns:
            False when DuckDB found another transaction in its way, which it does now and then: try later.
        """
        try:
            self._writer.submit_exclusive(lambda one: one.execute("CHECKPOINT").fetchall()).result()
        except StorageError as error:
            if not isinstance(error.__cause__, duckdb.TransactionException):
                raise
            _log.debug("the checkpoint is put off: %s", error)
            return False
        return True

    def _damage(self, segment: Segment) -> str | None:
        """Why a segment cannot be read; None when it can."""
        with self._database.cursor() as cursor:
            try:
                ((count, _),) = cursor.execute(
                    f"SELECT count(*), bit_xor(hash(s)) FROM ({parquet_scan([segment.path])}) s"
                ).fetchall()
            except (duckdb.IOException, duckdb.InvalidInputException, duckdb.SerializationException) as error:
                return str(error).splitlines()[0]
            except duckdb.Error as error:
                # Damaged pages fail in many ways; a lack of memory or an interrupt says nothing of the file.
                if isinstance(error, duckdb.OutOfMemoryException | duckdb.InterruptException):
                    return None
                return str(error).splitlines()[0]
        return None if count == segment.row_count else f"it has {count} rows instead of {segment.row_count}"

    def _commit(self, job: Callable[[Transaction], None], written: Sequence[Segment]) -> None:
        try:
            self._writer.submit(job).result()
        except BaseException:
            # A failure may have made the writer replace a damaged database, and the new one lists what it
            # found in the folder: these files too, whose rows it then holds nowhere else.
            with contextlib.suppress(CoralError):  # not known: the next start deletes what is not listed
                listed = {segment.path for segment in self.segments()}
                self._folder.discard(segment for segment in written if segment.path not in listed)
            raise

    def _reading(self) -> _Reading:
        return _Reading(self._database, self._writer)


class _Reading:
    """A cursor, with failures reported to the writer and turned into StorageError."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    def __enter__(self) -> duckdb.DuckDBPyConnection:
        self._generation = self._database.generation
        self._lent = self._database.cursor()
        return self._lent.__enter__()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        self._lent.__exit__(None, None, None)
        if isinstance(error, duckdb.Error):
            self._writer.recover(error, generation=self._generation)
            raise StorageError(f"maintenance of the database failed: {error}") from error


def _sorted_if_they_fit(write: Callable[[bool], T]) -> T:
    """Writes in order; rows that are too large for DuckDB to sort in its memory are written as they lie."""
    try:
        return write(True)
    except duckdb.OutOfMemoryException as error:
        _log.info("rows are too large to be sorted and are sealed as they lie: %s", error)
        return write(False)
