"""The one writer of a store: a thread that commits queued jobs in groups.

Motive: DuckDB commits cost milliseconds (an fsync each), requests come in bursts. Jobs that wait
together share one transaction, so the cost of the fsync is shared while "answered means durable"
still holds for each of them. A failing job never fails its neighbours: the group is rolled back and
each job runs again alone. A failing database is recovered (`Database.recover`) and the jobs under way
fail, unless it turns out that their commit had reached the disk.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import duckdb

from coral.errors import CoralError, OverloadedError, StorageError
from coral.limits import MAX_WRITER_QUEUE, MAX_WRITER_QUEUE_BYTES
from coral.store.api import Transaction
from coral.store.duckdb.database import Database
from coral.store.duckdb.direct import DirectRows
from coral.store.duckdb.faults import Fault, fault_of, is_fatal
from coral.store.duckdb.room import DiskRoom
from coral.store.duckdb.rows import one_row

T = TypeVar("T")
_log = logging.getLogger(__name__)
_GROUP: Final = 64


@dataclass(frozen=True)
class _Job:
    run: Callable[[Any], Any]
    future: Future[Any]
    exclusive: bool  # runs outside any transaction of the writer
    size_bytes: int = 0


class Writer:
    """Runs jobs on one connection, in the order of submission.

    Not a general executor: jobs must not block on anything but the database.
    """

    def __init__(
        self,
        database: Database,
        room: DiskRoom,
        *,
        last_seq: int,
        direct: Callable[[duckdb.DuckDBPyConnection, int], DirectRows],
    ) -> None:
        """Starts the thread.

        Args:
            database: Lends the connection.
            room: Of the disk.
            last_seq: The last transaction that was committed.
            direct: Makes the place for rows that a transaction appends as segments.
        """
        self._direct = direct
        self._database = database
        self._room = room
        self._queue: queue.Queue[_Job | None] = queue.Queue()
        self._queued_bytes = 0
        self._closed = False
        self._lock = threading.Lock()
        self.last_seq = last_seq
        self.committed = 0
        self.appended_rows = 0
        self._thread = threading.Thread(target=self._run, name="coral-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[Transaction], T], *, size_bytes: int = 0) -> Future[T]:
        """Queues a transactional job; see `Store.submit`."""
        return self._put(_Job(job, Future(), exclusive=False, size_bytes=size_bytes))

    def submit_exclusive(self, job: Callable[[duckdb.DuckDBPyConnection], T]) -> Future[T]:
        """Queues a job that manages its own transactions; nothing else writes meanwhile."""
        return self._put(_Job(lambda _: self._on_connection(job), Future(), exclusive=True))

    def recover(self, error: BaseException, *, generation: int) -> bool:
        """Lets a reader report a failure of the database; see `Database.recover`. Waits for the writer."""
        job = _Job(lambda _: self._recovered(error, generation), Future(), exclusive=True)
        return bool(self._put(job).result())

    def queued(self) -> int:
        """Jobs that wait."""
        return self._queue.qsize()

    def close(self) -> None:
        """Runs what is queued, then ends the thread. Idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()

    def _put(self, job: _Job) -> Future[Any]:
        # From now on nobody can cancel it: a job is done whether or not someone still waits.
        job.future.set_running_or_notify_cancel()
        with self._lock:
            if self._closed:
                raise StorageError("the store is closed")
            if not job.exclusive and self._queue.qsize() >= MAX_WRITER_QUEUE:
                raise OverloadedError(
                    f"the writer has {MAX_WRITER_QUEUE} requests waiting, its limit MAX_WRITER_QUEUE",
                    hint="retry later; the sender should back off",
                )
            if self._queued_bytes and self._queued_bytes + job.size_bytes > MAX_WRITER_QUEUE_BYTES:
                raise OverloadedError(
                    f"{self._queued_bytes} bytes wait for the writer, {job.size_bytes} more would exceed its"
                    f" limit MAX_WRITER_QUEUE_BYTES ({MAX_WRITER_QUEUE_BYTES})",
                    hint="retry later; the sender should back off",
                )
            self._queued_bytes += job.size_bytes
            self._queue.put(job)
        return job.future

    def _taken(self, job: _Job) -> _Job:
        with self._lock:
            self._queued_bytes -= job.size_bytes
        return job

    def _run(self) -> None:
        ended = False
        while not ended:
            first = self._queue.get()
            if first is None:
                return
            self._taken(first)
            if first.exclusive:
                self._run_exclusive(first)
                continue
            group = [first]
            follow: _Job | None = None
            while len(group) < _GROUP:
                try:
                    job = self._queue.get_nowait()
                except queue.Empty:
                    break
                if job is None:
                    ended = True
                    break
                self._taken(job)
                if job.exclusive:
                    follow = job
                    break
                group.append(job)
            self._commit_or_fail(group)
            if follow is not None:
                self._run_exclusive(follow)

    def _commit_or_fail(self, group: list[_Job]) -> None:
        """Commits; whatever goes wrong, everybody gets an answer and the thread lives on."""
        try:
            self._commit(group)
        except Exception as error:
            _log.exception("the writer met an unexpected failure")
            _fail([job for job in group if not job.future.done()], _storage_error(error))

    def _commit(self, group: list[_Job]) -> None:
        seq = self.last_seq + 1
        try:
            connection = self._database.writing()
        except CoralError as error:
            _fail(group, error)
            return
        generation = self._database.generation
        results: list[Any] = []
        direct = self._direct(connection, seq)
        try:
            transaction = Transaction(connection, seq, direct.append)
            connection.execute("BEGIN TRANSACTION")
            results += [job.run(transaction) for job in group]
            connection.execute("UPDATE last_transaction SET seq = ?", [seq])
            direct.sync()
            connection.execute("COMMIT")
        except Exception as error:
            # The transaction may already be gone (a failed COMMIT ends it).
            with contextlib.suppress(duckdb.Error):
                connection.execute("ROLLBACK")
            if fault_of(error) is Fault.OTHER and not is_fatal(error):
                direct.discard()
                self._fail_alone(group, error)
                return
            # A number that may be on the disk is not used again.
            self.last_seq = seq
            failure = self._failure(error, generation)
            if len(results) < len(group) or not self._reached_disk(seq):
                direct.discard()
                _fail(group, failure)
                return
        self.last_seq = seq
        self.committed += 1
        self.appended_rows += direct.row_count
        direct.committed()
        for job, result in zip(group, results, strict=True):
            job.future.set_result(result)

    def _fail_alone(self, group: list[_Job], error: Exception) -> None:
        if len(group) == 1:
            group[0].future.set_exception(_as_coral_error(error))
            return
        for job in group:
            self._commit([job])

    def _reached_disk(self, seq: int) -> bool:
        """Whether a transaction whose commit failed is there after the database was opened again."""
        try:
            (last,) = one_row(self._database.writing(), "SELECT seq FROM last_transaction")
        except (duckdb.Error, CoralError):
            return False
        return bool(last == seq)

    def _failure(self, error: Exception, generation: int) -> CoralError:
        """Recovers the database; the error for those whose work was under way."""
        try:
            self._recovered(error, generation)
        except CoralError as failure:
            return failure
        if fault_of(error) is Fault.FULL:
            full = self._room.error()
            full.__cause__ = error
            return full
        return _storage_error(error)

    def _recovered(self, error: BaseException, generation: int) -> bool:
        if fault_of(error) is Fault.FULL:
            self._room.ran_full()
        return self._database.recover(error, generation=generation)

    def _run_exclusive(self, job: _Job) -> None:
        try:
            job.future.set_result(job.run(None))
        except Exception as error:
            job.future.set_exception(error)

    def _on_connection(self, job: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        connection, generation = self._database.writing(), self._database.generation
        try:
            return job(connection)
        except Exception as error:
            with contextlib.suppress(duckdb.Error):
                connection.execute("ROLLBACK")
            if fault_of(error) is Fault.OTHER and not is_fatal(error):
                told = _as_coral_error(error)
                raise told from told.__cause__
            raise self._failure(error, generation) from error


def _fail(group: list[_Job], error: CoralError) -> None:
    for job in group:
        job.future.set_exception(error)


def _as_coral_error(error: Exception) -> Exception:
    """Database failures become StorageError; a job's own errors stay what they are."""
    return _storage_error(error) if isinstance(error, duckdb.Error) else error


def _storage_error(error: Exception) -> StorageError:
    wrapped = StorageError(f"writing to the database failed: {error}")
    wrapped.__cause__ = error
    return wrapped
