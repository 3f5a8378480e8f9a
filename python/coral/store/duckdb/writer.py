"""The one writer of a store: a thread that commits queued jobs in groups.

Motive: DuckDB commits cost milliseconds (an fsync each), requests come in bursts. Jobs that wait
together share one transaction, so the cost of the fsync is shared while "answered means durable"
still holds for each of them. A failing job never fails its neighbours: the group is rolled back and
each job runs again alone.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import duckdb

from coral.errors import OverloadedError, StorageError
from coral.limits import MAX_WRITER_QUEUE
from coral.store.api import Transaction

T = TypeVar("T")
_GROUP: Final = 64


@dataclass(frozen=True)
class _Job:
    run: Callable[[Any], Any]
    future: Future[Any]
    exclusive: bool  # runs outside any transaction, on the bare connection


class Writer:
    """Runs jobs on one connection, in the order of submission.

    Not a general executor: jobs must not block on anything but the database.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, last_seq: int) -> None:
        self._connection = connection
        self._queue: queue.Queue[_Job | None] = queue.Queue()
        self._closed = False
        self._lock = threading.Lock()
        self.last_seq = last_seq
        self.committed = 0
        self._thread = threading.Thread(target=self._run, name="coral-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[Transaction], T]) -> Future[T]:
        """Queues a transactional job; see `Store.submit`."""
        return self._put(job, exclusive=False)

    def submit_exclusive(self, job: Callable[[duckdb.DuckDBPyConnection], T]) -> Future[T]:
        """Queues a job that manages its own transactions; nothing else runs meanwhile."""
        return self._put(job, exclusive=True)

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

    def _put(self, run: Callable[[Any], Any], *, exclusive: bool) -> Future[Any]:
        future: Future[Any] = Future()
        with self._lock:
            if self._closed:
                raise StorageError("the store is closed")
            if not exclusive and self._queue.qsize() >= MAX_WRITER_QUEUE:
                raise OverloadedError(
                    f"the writer has {MAX_WRITER_QUEUE} requests waiting, its limit",
                    hint="retry later; the sender should back off",
                )
            self._queue.put(_Job(run, future, exclusive))
        return future

    def _run(self) -> None:
        ended = False
        while not ended:
            first = self._queue.get()
            if first is None:
                return
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
                if job.exclusive:
                    follow = job
                    break
                group.append(job)
            self._commit(group)
            if follow is not None:
                self._run_exclusive(follow)

    def _commit(self, group: list[_Job]) -> None:
        transaction = Transaction(self._connection, self.last_seq + 1)
        try:
            self._connection.execute("BEGIN TRANSACTION")
            results = [job.run(transaction) for job in group]
            self._connection.execute("COMMIT")
        except Exception as error:
            # The transaction may already be gone (a failed COMMIT ends it).
            with contextlib.suppress(duckdb.Error):
                self._connection.execute("ROLLBACK")
            if len(group) > 1:
                for job in group:
                    self._commit([job])
            else:
                group[0].future.set_exception(_as_coral_error(error))
            return
        self.last_seq = transaction.seq
        self.committed += 1
        for job, result in zip(group, results, strict=True):
            job.future.set_result(result)

    def _run_exclusive(self, job: _Job) -> None:
        try:
            result = job.run(self._connection)
        except Exception as error:
            with contextlib.suppress(duckdb.Error):
                self._connection.execute("ROLLBACK")
            job.future.set_exception(_as_coral_error(error))
        else:
            job.future.set_result(result)


def _as_coral_error(error: Exception) -> Exception:
    """Database failures become StorageError; a job's own errors stay what they are."""
    if isinstance(error, duckdb.Error):
        wrapped = StorageError(f"writing to the database failed: {error}")
        wrapped.__cause__ = error
        return wrapped
    return error
