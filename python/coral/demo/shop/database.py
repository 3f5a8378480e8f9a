"""SQLite with a CLIENT span around every statement, as a database instrumentation would make."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from opentelemetry.semconv.attributes import db_attributes, error_attributes
from opentelemetry.trace import SpanKind

from coral.demo.shop.telemetry import Telemetry

LOCK_WAIT_SECONDS = 10.0
"""How long a statement waits for another thread's write."""

SqlValue = str | int | float | None
Row = tuple[SqlValue, ...]


class Database:
    """One service's database file; each thread has its own connection to it."""

    def __init__(
        self,
        path: Path,
        telemetry: Telemetry,
        schema: str,
        functions: dict[str, Callable[[SqlValue], SqlValue]] | None = None,
    ) -> None:
        self._path = path
        self._telemetry = telemetry
        self._functions = functions or {}
        self._local = threading.local()
        self._lock = threading.Lock()
        self._connections: list[sqlite3.Connection] = []
        self._durations = telemetry.duration_histogram(
            "db.client.operation.duration", "Duration of database client operations."
        )
        self._connection().executescript(schema)

    def run(self, operation: str, table: str, sql: str, params: Sequence[SqlValue] = ()) -> list[Row]:
        """Runs one statement and answers all its rows."""
        attributes = {
            db_attributes.DB_SYSTEM_NAME: "sqlite",
            db_attributes.DB_NAMESPACE: self._telemetry.service,
            db_attributes.DB_OPERATION_NAME: operation,
            db_attributes.DB_COLLECTION_NAME: table,
        }
        name = f"{operation} {table}"
        started = time.perf_counter()
        with self._telemetry.tracer.start_as_current_span(
            name,
            kind=SpanKind.CLIENT,
            attributes={
                **attributes,
                db_attributes.DB_QUERY_TEXT: " ".join(sql.split()),
                db_attributes.DB_QUERY_SUMMARY: name,
            },
        ) as span:
            try:
                rows: list[Row] = self._connection().execute(sql, params).fetchall()
            except sqlite3.Error as error:
                attributes[error_attributes.ERROR_TYPE] = type(error).__name__
                span.set_attribute(error_attributes.ERROR_TYPE, type(error).__name__)
                raise
            finally:
                self._durations.record(time.perf_counter() - started, attributes)
        return rows

    def close(self) -> None:
        """Closes the connections of all threads; call it when no statement runs any more."""
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def _connection(self) -> sqlite3.Connection:
        existing: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if existing is not None:
            return existing
        # check_same_thread is off only so that close() may end the connections of other threads.
        connection = sqlite3.connect(
            self._path, timeout=LOCK_WAIT_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode = WAL")
        # The shop's data are thrown away with the demo: no fsync.
        connection.execute("PRAGMA synchronous = OFF")
        for name, function in self._functions.items():
            connection.create_function(name, 1, function)
        self._local.connection = connection
        with self._lock:
            self._connections.append(connection)
        return connection
