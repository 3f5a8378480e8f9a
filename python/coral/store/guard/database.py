"""The worker's database: empty, in memory, with views on what one statement may read, then locked."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec

from coral.errors import CoralError, DeniedError, NoDataError, StorageError
from coral.model.redaction import Redaction
from coral.query_limits import DEFAULT_QUERY_LIMITS, QUERY_WORKER_THREADS
from coral.store.duckdb.catalogue import CATALOGUE, CatalogueEntry, catalogue, catalogue_sql, entries_sql
from coral.store.duckdb.migrate import load_migrations
from coral.store.duckdb.rows import one_row
from coral.store.duckdb.segments import parquet_list, parquet_scan
from coral.store.duckdb.tables import (
    PUBLIC_VIEWS,
    macros_sql,
    public_views,
    segmented_tables,
    view_sql,
    with_tiers,
)
from coral.store.guard import protocol
from coral.store.guard.replay_time import RECORD, known_at, tell_time
from coral.store.guard.rewrite import WINDOWED
from coral.store.guard.tree import iterate
from coral.store.guard.windows import Table

DATASET: Final = "dataset"
"""The kind of a worker that reads recorded files; also the name under which it attaches them."""

_INNER: Final = "coral_inner"  # the schema of empty base tables, which callers cannot name
_TIMES: Final = (
    "TIMESTAMP",
    "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP_S",
    "TIMESTAMP_MS",
    "TIMESTAMP_NS",
    "DATE",
)
_MAGIC: Final = b"DUCK"


@dataclass
class Database:
    """An open database of a worker.

    Attributes:
        connection: Its only connection.
        kind: `"agent"`, `"colony"` or `DATASET`.
        tables: What can be read, by name in lower case.
        others: Names of tables that exist and must not be read.
        scanned: Full names of the tables of a recording that a plan may read; None where there is nothing
            else to read, or where views of the recording's owner decide.
        folders: Where files may be read.
        files: Those that the views of base tables read now.
        redaction: Which values those views take out.
        locked: Whether the configuration is.
        undo: What takes back what was made for the job; last first.
    """

    connection: duckdb.DuckDBPyConnection
    kind: str
    tables: dict[str, Table] = field(default_factory=dict)
    others: set[str] = field(default_factory=lambda: {"schema_migrations"})
    scanned: set[str] | None = None
    folders: set[Path] = field(default_factory=set)
    files: dict[str, list[Path]] = field(default_factory=dict)
    redaction: Redaction | None = None
    locked: bool = False
    undo: list[str] = field(default_factory=list)

    def replaceable(self, names: Collection[str]) -> set[str]:
        """Those of these tables on which no other view is built."""
        base = set() if self.kind == DATASET else {table.name for table in segmented_tables(self.kind)}
        return set(names) - base

    def may_scan(self, table: str) -> bool:
        """Whether a plan may read a table, by the full name that plans show."""
        return self.scanned is None or table in self.scanned or table.startswith(f"memory.{_INNER}.")

    def serialise(self, sql: str) -> str:
        """DuckDB's `json_serialize_sql`: parses, and nothing else."""
        return str(one_row(self.connection, "SELECT json_serialize_sql(?)", [sql])[0])

    def write(self, tree: str) -> str:
        """DuckDB's `json_deserialize_sql`."""
        return str(one_row(self.connection, "SELECT json_deserialize_sql(?::JSON)", [tree])[0])


def prepare(kind: str, memory: int = DEFAULT_QUERY_LIMITS.duckdb_memory) -> Database:
    """An empty database; for a store's kind with all its views, which `open_segments` gives their rows.

    Args:
        kind: The store's kind, or `DATASET`.
        memory: DuckDB's limit, bytes.
    """
    connection = duckdb.connect(":memory:")
    connection.execute(
        f"SET TimeZone='UTC'; SET threads={QUERY_WORKER_THREADS};"
        f" SET memory_limit='{memory}B';"
        " SET max_temp_directory_size='0B'; SET temp_directory='';"
        " SET autoinstall_known_extensions=false; SET autoload_known_extensions=false;"
        f" SET python_enable_replacements=false; CREATE SCHEMA {WINDOWED}; CREATE SCHEMA {_INNER}"
    )
    database = Database(connection, kind)
    if kind != DATASET:
        _prepare_store(database)
    return database


def lock(database: Database) -> None:
    """Takes everything away but reading what is open."""
    if not database.locked:
        folders = parquet_list(sorted(database.folders))
        database.connection.execute(
            f"SET allowed_directories={folders}; SET enable_external_access=false;"
            " SET lock_configuration=true"
        )
        database.locked = True
    database.connection.execute("BEGIN TRANSACTION READ ONLY")


def unlock(database: Database) -> bool:
    """Undoes what was made for one job, so that a store's database serves the next one as well.

    Returns:
        Whether that went well; else the database is good for nothing more.
    """
    try:
        for statement in ("ROLLBACK", *reversed(database.undo)):
            database.connection.execute(statement)
    except duckdb.Error:
        return False
    database.undo.clear()
    return True


def fits(database: Database, job: protocol.Job) -> bool:
    """Whether a database that was locked for earlier jobs can serve this one: its files lie beside theirs."""
    return not database.locked or _folders(job) <= database.folders


def _folders(job: protocol.Job) -> set[Path]:
    return {Path(path).parent for paths in job.segments.values() for path in paths}


def window_start(database: Database, window: timedelta, now: datetime | None) -> datetime | None:
    """Where the default window starts: before now, of a recording before its newest time where none is said.

    Returns:
        The time, UTC; None for a recording without rows, which needs no window.
    """
    if database.kind == DATASET and now is None:
        newest = _newest(database)
        return None if newest is None else newest - window
    return (now or datetime.now(UTC).replace(tzinfo=None)) - window


def add_windows(database: Database, names: Sequence[str], whole: Collection[str], start: datetime) -> None:
    """Makes views of the rows since `start`: of those in `whole` under their own name, else in `WINDOWED`."""
    for name in names:
        quoted, source = _quoted(name), f"main.{_quoted(name)}"
        view = f"{WINDOWED}.{quoted}"
        if name in whole:
            view, source = source, _quoted(f"{name} of all times")
            database.connection.execute(f"ALTER VIEW {view} RENAME TO {source}")
            database.undo.append(f"ALTER VIEW {source} RENAME TO {quoted}")
        database.connection.execute(
            f"CREATE VIEW {view} AS SELECT * FROM {source}"
            f" WHERE {_quoted(database.tables[name].time_column)} >= TIMESTAMP '{start.isoformat(' ')}'"
        )
        database.undo.append(f"DROP VIEW {view}")


def check_plan(database: Database, sql: str, params: Any) -> None:
    """A second opinion on a recording: DuckDB's own plan reads nothing but what may be read.

    Raises:
        DeniedError: It does.
    """
    row = one_row(database.connection, f"EXPLAIN (FORMAT json) {sql}", params or ())
    for node in iterate(msgspec.json.decode(row[1])):
        table = node.get("Table")
        if isinstance(table, str) and not database.may_scan(table):
            raise DeniedError(
                f"the table {table} cannot be read",
                hint="SELECT table_name FROM coral_tables lists what can be read",
            )


def _newest(database: Database) -> datetime | None:
    """The newest time in a recording, over all its tables: what "now" is for it."""
    times = [
        f"SELECT CAST(max({_quoted(table.time_column)}) AS TIMESTAMP) AS t FROM main.{_quoted(name)}"
        for name, table in database.tables.items()
        if table.time_column is not None
    ]
    if not times:
        return None
    newest: datetime | None = one_row(
        database.connection, f"SELECT max(t) FROM ({' UNION ALL '.join(times)}) WHERE isfinite(t)"
    )[0]
    return newest


def _prepare_store(database: Database) -> None:
    connection, kind = database.connection, database.kind
    for step in load_migrations(kind):
        connection.execute(step.sql)
    segmented = {table.name for table in segmented_tables(kind) if not table.private}
    for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
        if name in segmented:
            connection.execute(f"CREATE TABLE {_INNER}.{name} AS FROM main.{name} LIMIT 0")
        connection.execute(f"DROP TABLE main.{name}")
        database.others.add(name)
    connection.execute(macros_sql())
    tables = segmented_tables(kind)
    for table in tables:
        if table.name in segmented and table.tier_of is None:
            connection.execute(f"CREATE VIEW {table.name} AS SELECT * FROM {_INNER}.{table.name}")
    for view in public_views(tables):
        connection.execute(f"CREATE VIEW {view} AS {view_sql(view)}")
    _describe(database, catalogue(kind), catalogue_sql(kind))


def open_segments(database: Database, job: protocol.Job) -> None:
    """Gives the views of a store's database the rows that a job reads, without values that it must not see.

    The values are taken out in the views of base tables, on which all others are built: no condition, join or
    aggregate ever meets them, and there is no function and no other name by which a statement could.
    """
    kind = database.kind
    if not database.locked:
        database.folders = _folders(job)
    for table in segmented_tables(kind):
        if table.tier_of is not None or table.private:
            continue
        files = [Path(path) for name in with_tiers(kind, table.name) for path in job.segments.get(name, [])]
        other_texts = table.redacted and job.redaction != database.redaction
        if other_texts or files != database.files.get(table.name, []):
            more = f" UNION ALL BY NAME {parquet_scan(files)}" if files else ""
            rows = f"SELECT * FROM {_INNER}.{table.name}{more}"
            if job.redaction is not None and table.redacted:
                texts = ", ".join(f"{job.redaction.sql(column)} AS {column}" for column in table.redacted)
                rows = f"SELECT * REPLACE ({texts}) FROM ({rows})"
            database.connection.execute(f"CREATE OR REPLACE VIEW {table.name} AS {rows}")
            database.files[table.name] = files
    database.redaction = job.redaction


def open_dataset(
    database: Database, path: Path, *, as_of: datetime | None = None, hide: bool = False
) -> None:
    """Attaches a recorded file and makes views of its public tables.

    Args:
        database: From `prepare`.
        path: The file.
        as_of: What `now()` and its like say; None leaves them alone.
        hide: Whether rows that were not known at `as_of` are left out.

    Raises:
        NoDataError: It is not there, or holds no table of the public schema.
        StorageError: It cannot be read.
    """
    check_dataset(path)
    connection = database.connection
    try:
        connection.execute(f"ATTACH {_text(str(path))} AS {DATASET} (TYPE duckdb, READ_ONLY)")
    except duckdb.Error as error:
        raise _unreadable(path, str(error)) from None
    found = connection.execute(
        f"SELECT table_name, 'table' FROM duckdb_tables()"
        f" WHERE database_name = '{DATASET}' AND schema_name = 'main'"
        f" UNION SELECT view_name, 'view' FROM duckdb_views() WHERE database_name = '{DATASET}'"
        " AND schema_name = 'main' AND NOT internal"
    ).fetchall()
    there = {str(name).lower(): str(name) for name, _ in found}
    kinds = {str(name).lower(): kind for name, kind in found}
    public = [entry for entry in _recordable() if entry.name in there]
    database.others = set(there) - {entry.name for entry in public}
    if not public:
        names = ", ".join(sorted(entry.name for entry in _recordable()))
        raise NoDataError(f"{path} holds none of the public tables", hint=f"it needs one of {names}")
    views = {name for name, kind in kinds.items() if kind == "view"}
    if not any(entry.name in views for entry in public):
        database.scanned = {f"{DATASET}.main.{there[entry.name]}" for entry in public}
        database.scanned.add(f'{DATASET}.{RECORD}."resources"')  # a keyword, which plans quote
    if as_of is not None:
        tell_time(connection, as_of)
    for entry in public:
        name = there[entry.name]
        source = f"{DATASET}.main.{_quoted(name)}"
        try:
            select = f"SELECT * FROM {source}"
            if as_of is not None and hide:
                select = known_at(connection, entry, source, f"{DATASET}.{RECORD}", as_of)
            connection.execute(f"CREATE VIEW {entry.name} AS {select}")
        except duckdb.Error as error:
            raise _unreadable(path, f"{entry.name}: {error}") from None
    _describe(database, public, entries_sql(public))


def check_dataset(path: Path) -> None:
    """Checks that a path is a DuckDB file, before DuckDB sees it.

    Raises:
        CoralError: It is not there, no file, or of another kind.
    """
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            what = "a directory" if stat.S_ISDIR(mode) else "not a file"
            raise NoDataError(f"{path} is {what}", hint="--dataset takes a DuckDB file")
        with path.open("rb") as file:
            head = file.read(16)
    except FileNotFoundError:
        raise NoDataError(f"{path} does not exist", hint="--dataset takes a DuckDB file") from None
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}", hint="check its permissions") from None
    except ValueError:
        raise NoDataError("the name of the file holds a NUL character") from None
    if head[8:12] != _MAGIC:
        raise StorageError(
            f"{path} is not a DuckDB file",
            hint="--dataset takes a file that DuckDB wrote, not CSV or Parquet",
        )


def _unreadable(path: Path, reason: str) -> CoralError:
    first = reason.splitlines()[0]
    if "lock" in first.lower():
        return StorageError(
            f"{path} is open in another process", hint="close it there, or query a copy of the file"
        )
    return StorageError(
        f"{path} cannot be read: {first}", hint="it may be damaged, or of a newer version of DuckDB"
    )


def _recordable() -> tuple[CatalogueEntry, ...]:
    """Every public view; a recording holds some of them as tables."""
    return tuple(
        CatalogueEntry(view.name, "view", view.time_column, view.bucket_seconds, (), view.description)
        for view in PUBLIC_VIEWS
    )


def _describe(database: Database, entries: Sequence[CatalogueEntry], select: str) -> None:
    """Makes the safe views that tell callers what there is, and notes it for the guard."""
    connection = database.connection
    rows: list[tuple[str, str, int, str]] = []
    for entry in entries:
        described = connection.execute(f"DESCRIBE SELECT * FROM main.{_quoted(entry.name)}").fetchall()
        types = {str(row[0]).lower(): str(row[1]) for row in described}
        time_column = entry.time_column if types.get(entry.time_column) in _TIMES else None
        database.tables[entry.name] = Table(tuple(types), time_column)
        rows += [(entry.name, str(row[0]), i, str(row[1])) for i, row in enumerate(described, 1)]
    values = ", ".join(f"({_text(t)}, {_text(c)}, {i}, {_text(k)})" for t, c, i, k in rows)
    connection.execute(
        f"CREATE TABLE {_INNER}.{CATALOGUE} AS {select};"
        f" CREATE VIEW {CATALOGUE} AS FROM {_INNER}.{CATALOGUE};"
        f" CREATE VIEW coral_tables AS FROM {_INNER}.{CATALOGUE};"
        f" CREATE TABLE {_INNER}.columns AS SELECT * FROM (VALUES {values})"
        " entries(table_name, column_name, position, data_type);"
        f" CREATE VIEW coral_columns AS FROM {_INNER}.columns"
    )
    for name in (CATALOGUE, "coral_tables", "coral_columns"):
        columns: list[Any] = connection.execute(f"DESCRIBE {name}").fetchall()
        database.tables[name] = Table(tuple(str(row[0]).lower() for row in columns), None)


def _quoted(name: str | None) -> str:
    return '"' + (name or "").replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
