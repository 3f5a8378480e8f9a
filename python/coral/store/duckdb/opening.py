"""Opening a database file as a store wants it: settings, schema, macros."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from coral.limits import DATABASE_SPILL_BYTES
from coral.store.duckdb.faults import Fault, fault_of
from coral.store.duckdb.migrate import load_migrations, migrate
from coral.store.duckdb.rows import one_row
from coral.store.duckdb.segments import quoted
from coral.store.duckdb.tables import macros_sql

_CHECKPOINT_THRESHOLD: Final = "256MB"
"""Size of the log at which a commit checkpoints: with DuckDB's 16 MB that would be all the time."""


@dataclass(frozen=True)
class DatabaseSettings:
    """How to open a database.

    Attributes:
        kind: `"agent"` or `"colony"`.
        memory_bytes: DuckDB's memory limit.
        spill_bytes: Limit of its temporary files, in `tmp/` beside the database.
        threads: Of one query.
    """

    kind: str
    memory_bytes: int
    spill_bytes: int = DATABASE_SPILL_BYTES
    threads: int = 2


def open_database(path: Path, settings: DatabaseSettings) -> duckdb.DuckDBPyConnection:
    """Opens or creates a database with the newest schema.

    Raises:
        duckdb.Error: It cannot be opened.
        StorageError: Its schema is newer than this program.
    """
    connection = duckdb.connect(
        str(path),
        config={
            # Before the log is replayed, else that would checkpoint, which needs room.
            "checkpoint_threshold": _CHECKPOINT_THRESHOLD,
            "memory_limit": f"{settings.memory_bytes}B",
            "threads": settings.threads,
            "temp_directory": str(path.parent / "tmp"),
            "max_temp_directory_size": f"{settings.spill_bytes}B",
        },
    )
    try:
        connection.execute("SET GLOBAL TimeZone='UTC'; SET TimeZone='UTC'")
        migrate(connection, load_migrations(settings.kind), path=str(path))
        _create_macros(connection)
    except BaseException:
        close_quietly(connection)
        raise
    return connection


def _create_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Creates the macros anew, unless they are there and the disk has no room for them."""
    try:
        connection.execute(macros_sql())
    except duckdb.Error as error:
        (count,) = one_row(
            connection, "SELECT count(DISTINCT function_name) FROM duckdb_functions() WHERE NOT internal"
        )
        if fault_of(error) is not Fault.FULL or count < macros_sql().count("CREATE OR REPLACE MACRO"):
            raise


def close_quietly(connection: duckdb.DuckDBPyConnection) -> None:
    """Closes a connection whose database may be unusable."""
    # Closing checkpoints; when that fails, the log has everything and is replayed at the next open.
    with contextlib.suppress(duckdb.Error):
        connection.close()


@contextlib.contextmanager
def attached(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> Iterator[None]:
    """Another database file, read-only, under a name."""
    connection.execute(f"ATTACH {quoted(path)} AS {name} (READ_ONLY)")
    try:
        yield
    finally:
        connection.execute(f"DETACH {name}")
