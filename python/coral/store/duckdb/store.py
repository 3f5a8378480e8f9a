"""`DuckDBStore`: the store on an active DuckDB file and sealed segments."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import duckdb

from coral.clock import Clock, SystemClock
from coral.errors import CoralError, StorageError
from coral.limits import (
    AGENT_DATABASE_MEMORY_BYTES,
    BUSY_ROWS_PER_SECOND,
    COLONY_DATABASE_MEMORY_BYTES,
    MIN_FREE_DISK_BYTES,
    RESERVE_DISK_BYTES,
)
from coral.store.api import Segment, StoreStatistics, Transaction
from coral.store.duckdb.background import give_way
from coral.store.duckdb.catalogue import CATALOGUE, catalogue_sql
from coral.store.duckdb.database import Database
from coral.store.duckdb.direct import DirectRows
from coral.store.duckdb.directory import lock_directory, used_bytes
from coral.store.duckdb.faults import Fault, fault_of, is_fatal
from coral.store.duckdb.maintenance import Maintenance
from coral.store.duckdb.opening import DatabaseSettings
from coral.store.duckdb.recent import RecentRows
from coral.store.duckdb.recovery import Recovery, last_seq_of
from coral.store.duckdb.retention import Retention, SteadyClock
from coral.store.duckdb.room import DiskRoom
from coral.store.duckdb.segments import SegmentFolder, parquet_scan
from coral.store.duckdb.tables import public_views, segmented_tables, view_sql, with_tiers
from coral.store.duckdb.writer import Writer

T = TypeVar("T")
_log = logging.getLogger(__name__)

SEAL_INTERVAL_SECONDS: Final = 2.0
_CHECKPOINT_EVERY: Final = 30  # seals
_EXPIRE_EVERY: Final = 30
_RAW_TABLES: Final = {"agent": ("spans", "metrics", "logs", "host_samples"), "colony": ("spans",)}
_ATTEMPTS: Final = 3
_MEMORY_PAUSE_SECONDS: Final = 0.2
_SHRINK_SECONDS: Final = 5.0


@dataclass(frozen=True)
class StoreLimits:
    """What a store may use.

    Attributes:
        max_bytes: Of the disk: beyond it the oldest raw segments are dropped; None is no limit.
        memory_bytes: DuckDB's memory; None is the default of the kind.
        min_free_bytes: Free disk space below which new raw data are refused.
        reserve_bytes: Length of the reserve file.
    """

    max_bytes: int | None = None
    memory_bytes: int | None = None
    min_free_bytes: int = MIN_FREE_DISK_BYTES
    reserve_bytes: int = RESERVE_DISK_BYTES


class DuckDBStore:
    """A store in one directory: `active.duckdb`, `segments/`, `lock`; see the package's README.

    A maintenance thread seals every `seal_interval` seconds, merges small segments and drops what is
    too old or too much. See `coral.store.api.Store` for the contract.
    """

    def __init__(
        self,
        directory: Path,
        *,
        kind: str,
        retention: timedelta,
        retention_by_table: Mapping[str, timedelta | None] | None = None,
        clock: Clock | None = None,
        seal_interval: float = SEAL_INTERVAL_SECONDS,
        sealable: Callable[[duckdb.DuckDBPyConnection], int] | None = None,
        limits: StoreLimits | None = None,
        merged_apart: Collection[str] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Opens or creates a store; recovers it when it is damaged (see `problems`).

        Args:
            directory: The data directory; created with mode 0700 when missing.
            kind: `"agent"` or `"colony"`.
            retention: Age of arrival at which segments are dropped.
            retention_by_table: Other ages for some tables; None keeps a table's rows for ever.
            clock: Source of time for retention.
            seal_interval: Seconds between seals; 0 seals only when asked to.
            sealable: Answers the highest ingest sequence that may be sealed; default everything.
            limits: Of disk and memory.
            merged_apart: Tables whose segments someone else merges (see `tiers.py`).
            monotonic: Seconds that never jump, to notice when `clock` does.

        Raises:
            StorageError: The directory is used by another process, cannot be written, or holds a
                database that is newer than this program.
        """
        limits = limits or StoreLimits()
        self._directory = directory
        self._kind = kind
        self._merged_apart = frozenset(merged_apart)
        self._tables = segmented_tables(kind)
        self._table_by_name = {table.name: table for table in self._tables}
        self._clock = clock or SystemClock()
        self._steady = SteadyClock(self._clock, monotonic=monotonic)
        self._sealable = sealable
        self._retention = Retention(
            retention, retention_by_table or {}, limits.max_bytes, given_up_first=_RAW_TABLES[kind]
        )
        default_memory = AGENT_DATABASE_MEMORY_BYTES if kind == "agent" else COLONY_DATABASE_MEMORY_BYTES
        # An agent shares its machine: what two threads do in less time takes more of the processor.
        threads = 1
        settings = DatabaseSettings(kind, limits.memory_bytes or default_memory, threads=threads)
        self._lock_file = lock_directory(directory)
        try:
            self._room = DiskRoom(directory, min_free=limits.min_free_bytes, reserve=limits.reserve_bytes)
            self._folder = SegmentFolder(directory / "segments")
            self._database = Database(Recovery(directory, settings, self._folder, self._tables), self._clock)
            with self._database.cursor() as cursor:
                self._folder.fill_created_at(cursor)
                orphans = self._folder.delete_unlisted(cursor)
                last_seq = last_seq_of(cursor, self._tables)
        except OSError as error:
            os.close(self._lock_file)
            raise StorageError(f"the data directory {directory} cannot be used: {error}") from error
        except BaseException:
            os.close(self._lock_file)
            raise
        if orphans:
            _log.info("deleted %d unlisted segment files", orphans)
        self.recent = RecentRows()
        direct = partial(DirectRows, self._folder, self._table_by_name, self._clock, self.recent)
        self._writer = Writer(self._database, self._room, last_seq=last_seq, direct=direct)
        self._maintaining = threading.RLock()
        self._checkpoint_due = False  # it was put off
        self._shrunk_at = 0.0
        self._appended = (time.monotonic(), 0)
        self._maintenance = Maintenance(
            self._database, self._writer, self._folder, self._tables, self._retention, self._clock, kind=kind
        )
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._maintain_always, args=(seal_interval,), name="coral-maintenance", daemon=True
        )
        if seal_interval > 0:
            self._thread.start()

    @property
    def epoch(self) -> str:
        """Random id of the database; another one after a damaged database was replaced."""
        return self._database.epoch

    def submit(
        self, job: Callable[[Transaction], T], *, essential: bool = False, size_bytes: int = 0
    ) -> Future[T]:
        """Queues a transactional job; see `Store.submit`."""
        if essential:
            self._room.free()  # a deleted directory would still take writes, and nobody would find them
        else:
            self._room.check()
        return self._writer.submit(job, size_bytes=size_bytes)

    def query(
        self,
        sql: str,
        parameters: Sequence[Any] | Mapping[str, Any] = (),
        *,
        since: Mapping[str, datetime | None],
    ) -> list[tuple[Any, ...]]:
        """Runs one of our own SELECTs over one snapshot; see `Store.query`."""
        for attempt in range(1, _ATTEMPTS + 1):
            generation = self._database.generation
            try:
                with self._snapshot() as cursor:
                    return cursor.execute(self.with_tables(cursor, sql, since), parameters).fetchall()
            except duckdb.Error as error:
                mended = attempt < _ATTEMPTS and self._mended(error, generation, since)
                if not mended:
                    raise StorageError(f"reading the database failed: {error}") from error
        raise AssertionError("unreachable")

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that reads one snapshot of everything committed, beside the writer.

        Raises:
            StorageError: The store cannot be read, or is closed.
        """
        generation = self._database.generation
        try:
            with self._snapshot() as cursor:
                yield cursor
        except duckdb.Error as error:
            self._mended(error, generation, {})
            raise StorageError(f"reading the database failed: {error}") from error

    def segment_path(self, name: str) -> Path:
        """Where the segment file with this name (`segments.path`) is."""
        return self._folder.root / name

    def with_tables(
        self, connection: duckdb.DuckDBPyConnection, sql: str, since: Mapping[str, datetime | None]
    ) -> str:
        """The statement with its base tables (active rows and segments) and views in front of it."""
        parts = []
        for name, start in since.items():
            source = f"SELECT * FROM main.{name}"
            files = [
                segment.path
                for table in with_tiers(self._kind, name)
                for segment in self._folder.listed(connection, table, since=start)
            ]
            if files:
                source += " UNION ALL BY NAME " + parquet_scan(files)
            parts.append(f"{name} AS ({source})")
        needed = tuple(self._table_by_name[name] for name in since)
        parts += [f"{view} AS ({view_sql(view)})" for view in public_views(needed) if view in sql]
        if CATALOGUE in sql:
            parts.append(f"{CATALOGUE} AS ({catalogue_sql(self._kind)})")
        return f"WITH {', '.join(parts)} SELECT * FROM ({sql})" if parts else sql

    def seal(self) -> None:
        """Seals what can be sealed now; see `Store.seal`."""
        with self._maintaining:
            self._maintenance.seal(self._sealable)

    def maintain(self, job: Callable[[Maintenance], T]) -> T:
        """Runs a job that changes whole segments, in the caller's thread; see `Store.maintain`."""
        with self._maintaining:
            return job(self._maintenance)

    def check_segments(self, tables: Sequence[str] | None = None) -> int:
        """Reads all segments and quarantines those that cannot be read; see `Store.check_segments`."""
        with self._maintaining:
            return self._maintenance.put_damaged_aside(tables)

    def segments(self) -> list[Segment]:
        """The sealed segments, by table and sequence."""
        return self._maintenance.segments()

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the store, for people; see `Store.problems`."""
        found = self._database.problems()
        try:
            if self._room.missing():
                found.append(self._room.error().message)
        except StorageError as error:
            found.append(error.message)
        return tuple(found)

    def statistics(self) -> StoreStatistics:
        """Figures as of now."""
        segments = self.segments()
        try:
            free, accepts = self._room.free(), not self._room.missing()
        except StorageError:
            free, accepts = 0, False  # `problems` tells
        return StoreStatistics(
            committed_transactions=self._writer.committed,
            queued_jobs=self._writer.queued(),
            last_seq=self._writer.last_seq,
            segment_count=len(segments),
            segment_bytes=sum(segment.size_bytes for segment in segments),
            disk_used_bytes=used_bytes(self._directory),
            disk_free_bytes=free,
            accepts_new_data=accepts,
            refused_writes=self._room.refused,
            given_up_rows=self._maintenance.given_up_rows,
            problems=self.problems(),
        )

    def close(self) -> None:
        """Finishes queued jobs, then releases the files. Idempotent."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        self._writer.close()
        self._database.close()
        self._room.release()
        os.close(self._lock_file)

    @contextlib.contextmanager
    def _snapshot(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._database.cursor() as cursor:
            cursor.execute("BEGIN TRANSACTION READ ONLY")
            try:
                yield cursor
            finally:
                # The transaction is gone when the database has become unusable meanwhile.
                with contextlib.suppress(duckdb.Error):
                    cursor.execute("ROLLBACK")

    def _mended(self, error: duckdb.Error, generation: int, since: Mapping[str, datetime | None]) -> bool:
        """Whether what made a reader fail was found and put right, so that it may try again."""
        if fault_of(error) is Fault.FULL and not is_fatal(error):
            return False  # a spill to the disk; the database itself is not concerned
        if self._writer.recover(error, generation=generation):
            return True
        if isinstance(error, duckdb.OutOfMemoryException):
            time.sleep(_MEMORY_PAUSE_SECONDS)  # what else goes on, such as sealing, gives its part back soon
            return True
        if not isinstance(error, duckdb.InterruptException) and since:
            return self.check_segments(tuple(since)) > 0
        return False

    def _maintain_always(self, interval: float) -> None:
        give_way()
        round_number = 0
        while not self._stopped.wait(interval):
            round_number += 1
            try:
                with self._maintaining:
                    self._round(round_number)
            except (CoralError, OSError) as error:
                # The rows stay where they are and the next round tries again.
                _log.error("maintenance of the store failed: %s", error)
                self._after_failure(error)

    def _round(self, number: int) -> None:
        self._make_room()
        self._maintenance.seal(self._sealable)
        busy = self._is_busy()
        listed = self._maintenance.segments()
        for table in self._tables:
            if table.name not in self._merged_apart:
                self._maintenance.merge(table.name, busy=busy, listed=listed)
        if number % _EXPIRE_EVERY == 0:
            self._expire()
        self._maintenance.delete_dropped()
        if number % _CHECKPOINT_EVERY == 0 or self._checkpoint_due:
            self._checkpoint_due = not self._maintenance.checkpoint()

    def _is_busy(self) -> bool:
        """Whether so many rows come in that merging should wait: it can be done when there is time."""
        now, rows = time.monotonic(), self._writer.appended_rows
        before, rows_before = self._appended
        self._appended = (now, rows)
        return rows - rows_before > BUSY_ROWS_PER_SECOND * (now - before)

    def _expire(self) -> None:
        now = self._steady.now()
        if now is not None:
            self._maintenance.expire(now)
        if self._retention.max_bytes is not None:
            excess = used_bytes(self._directory) - self._retention.max_bytes
            if excess > 0:
                self._maintenance.give_up(excess, why=f"more than max_bytes, {self._retention.max_bytes}")

    def _make_room(self) -> None:
        missing = self._room.missing()
        if missing:
            # What was dropped already frees space first.
            self._maintenance.delete_dropped(hurry=True)
            missing = self._room.missing()
        if missing and not self._maintenance.give_up(missing, why="the disk is nearly full"):
            self._shrink_database()
        self._room.recover()

    def _shrink_database(self) -> None:
        """With no raw segment left, the log is the largest: a checkpoint frees it, if it has the room."""
        if time.monotonic() - self._shrunk_at < _SHRINK_SECONDS:
            return
        if self._room.full:
            self._maintenance.give_up_active(self._sealable, why="the disk is full")
        self._maintenance.checkpoint()
        self._shrunk_at = time.monotonic()

    def _after_failure(self, error: BaseException) -> None:
        """A failed round may have met a damaged segment, or a full disk."""
        cause = error.__cause__ or error
        try:
            if fault_of(cause) is Fault.FULL:
                self._room.ran_full()
            elif isinstance(
                cause, duckdb.IOException | duckdb.InvalidInputException | duckdb.SerializationException
            ):
                self.check_segments()
        except (CoralError, OSError) as second:
            _log.error("looking for the reason failed as well: %s", second)
