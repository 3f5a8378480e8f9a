"""`DuckDBStore`: the store on an active DuckDB file and sealed segments."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import duckdb

from coral.clock import Clock, SystemClock
from coral.errors import CoralError, StorageError
from coral.store.api import Segment, StoreStatistics, Transaction
from coral.store.duckdb.migrate import load_migrations, migrate
from coral.store.duckdb.rows import one_row
from coral.store.duckdb.segments import SegmentFolder, parquet_scan
from coral.store.duckdb.tables import macros_sql, public_views, segmented_tables, view_sql
from coral.store.duckdb.writer import Writer

T = TypeVar("T")
_log = logging.getLogger(__name__)

SEAL_INTERVAL_SECONDS: Final = 2.0
_CHECKPOINT_EVERY: Final = 30  # seals
_EXPIRE_EVERY: Final = 30


class DuckDBStore:
    """A store in one directory: `active.duckdb`, `segments/`, `lock`.

    A maintenance thread seals every `seal_interval` seconds, merges small segments and drops
    segments that are older than `retention`. See `coral.store.api.Store` for the contract.
    """

    def __init__(
        self,
        directory: Path,
        *,
        kind: str,
        retention: timedelta,
        clock: Clock | None = None,
        seal_interval: float = SEAL_INTERVAL_SECONDS,
        sealable: Callable[[duckdb.DuckDBPyConnection], int] | None = None,
    ) -> None:
        """Opens or creates a store.

        Args:
            directory: The data directory; created with mode 0700 when missing.
            kind: `"agent"` or `"colony"`.
            retention: Age at which segments are dropped.
            clock: Source of time for retention.
            seal_interval: Seconds between seals; 0 seals only when asked to.
            sealable: Answers the highest ingest sequence that may be sealed; default everything.

        Raises:
            StorageError: The directory is used by another process, cannot be written, or holds a
                database that is damaged or newer than this program.
        """
        self._tables = segmented_tables(kind)
        self._table_by_name = {table.name: table for table in self._tables}
        self._retention = retention
        self._clock = clock or SystemClock()
        self._sealable = sealable
        self._lock_file = _lock_directory(directory)
        try:
            self._connection = self._open(directory / "active.duckdb", kind)
            self._folder = SegmentFolder(directory / "segments")
            orphans = self._folder.delete_unlisted(self._connection)
            if orphans:
                _log.info("deleted %d unlisted segment files", orphans)
            (self.epoch,) = one_row(self._connection, "SELECT epoch FROM store_identity")
            self._writer = Writer(self._connection, last_seq=self._last_seq())
        except BaseException:
            os.close(self._lock_file)
            raise
        self._sealed_seq = 0  # highest ingest sequence of which no row is left in the active file
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        self._cursor_lock = threading.Lock()
        self._stopped = threading.Event()
        self._maintenance = threading.Thread(
            target=self._maintain, args=(seal_interval,), name="coral-maintenance", daemon=True
        )
        if seal_interval > 0:
            self._maintenance.start()

    def submit(self, job: Callable[[Transaction], T]) -> Future[T]:
        """Queues a transactional job; see `Store.submit`."""
        return self._writer.submit(job)

    def query(
        self,
        sql: str,
        parameters: Sequence[Any] | Mapping[str, Any] = (),
        *,
        since: Mapping[str, datetime | None],
    ) -> list[tuple[Any, ...]]:
        """Runs one of our own SELECTs over one snapshot; see `Store.query`."""
        with self._cursor() as cursor:
            cursor.execute("BEGIN TRANSACTION READ ONLY")
            try:
                return cursor.execute(self.with_tables(cursor, sql, since), parameters).fetchall()
            finally:
                cursor.execute("ROLLBACK")

    def with_tables(
        self, connection: duckdb.DuckDBPyConnection, sql: str, since: Mapping[str, datetime | None]
    ) -> str:
        """The statement with its base tables (active rows and segments) and views in front of it."""
        parts = []
        for name, start in since.items():
            source = f"SELECT * FROM main.{name}"
            files = [segment.path for segment in self._folder.listed(connection, name, since=start)]
            if files:
                source += " UNION ALL BY NAME " + parquet_scan(files)
            parts.append(f"{name} AS ({source})")
        needed = tuple(self._table_by_name[name] for name in since)
        parts += [f"{view} AS ({view_sql(view)})" for view in public_views(needed) if view in sql]
        return f"WITH {', '.join(parts)} SELECT * FROM ({sql})" if parts else sql

    def seal(self) -> None:
        """Seals what can be sealed now; see `Store.seal`."""
        if self._sealed_seq < self._writer.last_seq:
            self._writer.submit_exclusive(self._seal).result()

    def segments(self) -> list[Segment]:
        """The sealed segments, by table and sequence."""
        with self._cursor() as cursor:
            return self._folder.listed(cursor)

    def statistics(self) -> StoreStatistics:
        """Figures as of now."""
        segments = self.segments()
        return StoreStatistics(
            committed_transactions=self._writer.committed,
            queued_jobs=self._writer.queued(),
            last_seq=self._writer.last_seq,
            segment_count=len(segments),
            segment_bytes=sum(segment.size_bytes for segment in segments),
        )

    def close(self) -> None:
        """Finishes queued jobs, then releases the files. Idempotent."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        if self._maintenance.is_alive():
            self._maintenance.join()
        self._writer.close()
        with self._cursor_lock:
            for cursor in self._cursors:
                cursor.close()
            self._cursors.clear()
        self._connection.close()
        os.close(self._lock_file)

    def _open(self, path: Path, kind: str) -> duckdb.DuckDBPyConnection:
        try:
            connection = duckdb.connect(str(path))
            connection.execute("SET TimeZone='UTC'; SET checkpoint_threshold='256MB'; SET threads=2")
            migrate(connection, load_migrations(kind), path=str(path))
            connection.execute(macros_sql())
        except duckdb.Error as error:
            raise StorageError(
                f"the database {path} cannot be opened: {error}",
                hint="move the data directory away to start afresh, or restore it from a copy",
            ) from error
        return connection

    def _last_seq(self) -> int:
        union = " UNION ALL ".join(f"SELECT max(ingest_seq) AS s FROM {table.name}" for table in self._tables)
        (last,) = one_row(
            self._connection,
            f"SELECT coalesce(max(s), 0) FROM ({union} UNION ALL SELECT max(last_seq) FROM segments)",
        )
        return int(last)

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of this database for one query, reused afterwards."""
        with self._cursor_lock:
            if self._stopped.is_set():
                raise StorageError("the store is closed")
            cursor = self._cursors.pop() if self._cursors else self._connection.cursor()
        try:
            yield cursor
        except duckdb.Error as error:
            raise StorageError(f"reading the database failed: {error}") from error
        finally:
            with self._cursor_lock:
                self._cursors.append(cursor)

    def _seal(self, connection: duckdb.DuckDBPyConnection) -> None:
        upto = self._writer.last_seq if self._sealable is None else self._sealable(connection)
        for table in self._tables:
            self._folder.seal(connection, table, upto_seq=upto)
        self._sealed_seq = upto

    def _tidy(self, connection: duckdb.DuckDBPyConnection, *, expire: bool) -> None:
        for table in self._tables:
            self._folder.merge(connection, table)
            if expire:
                self._folder.expire(connection, table, before=self._clock.now() - self._retention)
        self._folder.delete_dropped()

    def _maintain(self, interval: float) -> None:
        round_number = 0
        while not self._stopped.wait(interval):
            round_number += 1
            try:
                self._writer.submit_exclusive(self._seal).result()
                expire = round_number % _EXPIRE_EVERY == 0
                self._writer.submit_exclusive(partial(self._tidy, expire=expire)).result()
                if round_number % _CHECKPOINT_EVERY == 0:
                    self._writer.submit_exclusive(lambda c: c.execute("CHECKPOINT")).result()
            except (CoralError, OSError) as error:
                # The rows stay where they are and the next round tries again.
                _log.error("maintenance of the store failed: %s", error)


def _lock_directory(directory: Path) -> int:
    """Takes the directory's lock; the descriptor holds it."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(
            f"the data directory {directory} cannot be used: {error.strerror}",
            hint="choose another one with --data",
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StorageError(
            f"the data directory {directory} is in use by another Coral process",
            hint="stop that process, or choose another directory with --data",
        ) from None
    return descriptor
