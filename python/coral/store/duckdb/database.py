"""The open database of a store, and opening it again under everybody's hands.

An error can make the whole open database unusable (a full disk during a checkpoint does), for readers
as well, until it is closed by all and opened again. `Database` lends connections, so that it can take
them all back.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from typing import Final

import duckdb

from coral.clock import Clock
from coral.errors import CoralError, StorageError
from coral.store.duckdb.faults import Fault, fault_of, is_fatal
from coral.store.duckdb.opening import close_quietly
from coral.store.duckdb.recovery import Recovery
from coral.store.duckdb.rows import one_row

_log = logging.getLogger(__name__)
_RETRY_SECONDS: Final = 1.0
_RETURN_SECONDS: Final = 30.0
_REOPEN_SECONDS: Final = (
    60.0  # a reader waits for the database so long; opening it again may copy all that can be read
)


class Database:
    """Lends connections to one database. `recover` and `writing` are for the writer's thread only.

    Attributes:
        generation: Counts how often it was opened.
        epoch: Random id of the database file; another one after it had to be replaced.
    """

    def __init__(self, recovery: Recovery, clock: Clock) -> None:
        """Opens it.

        Raises:
            StorageError: It cannot be opened.
        """
        self._recovery = recovery
        self._clock = clock
        self._changed = threading.Condition()
        self._idle: list[duckdb.DuckDBPyConnection] = []
        self._lent: list[duckdb.DuckDBPyConnection] = []
        self._closed = False
        self._root: duckdb.DuckDBPyConnection | None = None
        self._tried_at = time.monotonic()
        self._failure: StorageError | None = None
        self.generation = 0
        self.epoch = ""
        self._take(recovery.open(clock.now()))

    def problems(self) -> list[str]:
        """What was found damaged, or keeps it from being opened."""
        failure = self._failure
        return [*self._recovery.problems(), *([failure.message] if failure else [])]

    @contextlib.contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for reading, reused afterwards; not to be held while waiting for the writer.

        Raises:
            StorageError: It is closed, or cannot be opened at the moment.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._root is not None or self._failure is not None or self._closed,
                timeout=_REOPEN_SECONDS,
            )
            cursor = self._idle.pop() if self._idle else self._usable().cursor()
            self._lent.append(cursor)
        try:
            yield cursor
        finally:
            with self._changed:
                self._lent.remove(cursor)
                self._idle.append(cursor)
                self._changed.notify_all()

    def writing(self) -> duckdb.DuckDBPyConnection:
        """The writer's connection.

        Raises:
            StorageError: It is closed, or cannot be opened; the next call tries again, at most once a second.
        """
        if self._root is None and not self._closed and time.monotonic() - self._tried_at >= _RETRY_SECONDS:
            self._reopen(damage=None)
        with self._changed:
            self._usable()
            return self._writer

    def recover(self, error: BaseException, *, generation: int) -> bool:
        """Does what an error asks for: nothing, opening again, or replacing the damaged file.

        Args:
            error: What was raised by a connection of this database.
            generation: The generation of that connection; an error of an older one asks for nothing more.

        Returns:
            True when connections are new now.

        Raises:
            StorageError: It cannot be opened now.
        """
        if generation != self.generation:
            return True
        fault = fault_of(error)
        if fault in (Fault.DAMAGED, Fault.WAL_DAMAGED):
            self._reopen(damage=str(error).splitlines()[0])
            return True
        if fault is Fault.INVALIDATED or is_fatal(error) or not self._works():
            _log.warning("opening the database again after: %s", error)
            self._reopen(damage=None)
            return True
        return False

    def close(self) -> None:
        """Closes all connections; whoever has one gets an error. Idempotent."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._take_back()

    def _works(self) -> bool:
        try:
            one_row(self._writer, "SELECT count(*) FROM store_identity")
        except duckdb.Error:
            return False
        return True

    def _reopen(self, *, damage: str | None) -> None:
        self._tried_at = time.monotonic()
        self._take_back()
        now = self._clock.now()
        connection: duckdb.DuckDBPyConnection | None = None
        try:
            connection = self._recovery.open(now) if damage is None else self._recovery.replace(damage, now)
            with self._changed:
                self._take(connection)
                self._changed.notify_all()
        except (CoralError, OSError, duckdb.Error) as error:
            failure = StorageError(f"the database cannot be opened again: {error}")
            failure.__cause__ = error
            with self._changed:  # readers wait for either a database or a failure
                self._root = None
                self._failure = failure
                self._changed.notify_all()
            if connection is not None:
                close_quietly(connection)
            _log.error("%s", failure.message)
            raise failure from error

    def _take(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._root = connection
        self._writer = connection.cursor()
        (self.epoch,) = one_row(self._writer, "SELECT epoch FROM store_identity")
        self.generation += 1
        self._failure = None

    def _take_back(self) -> None:
        with self._changed:
            root, self._root = self._root, None
            if root is None:
                return
            for cursor in self._lent:
                cursor.interrupt()
            if not self._changed.wait_for(lambda: not self._lent, timeout=_RETURN_SECONDS):
                _log.error("%d readers did not give the database back in time", len(self._lent))
            idle, self._idle = self._idle, []
        for cursor in [*idle, self._writer]:
            close_quietly(cursor)
        close_quietly(root)

    def _usable(self) -> duckdb.DuckDBPyConnection:
        if self._closed:
            raise StorageError("the store is closed")
        if self._root is None:
            raise self._failure or StorageError("the database is being opened again", hint="retry")
        return self._root
