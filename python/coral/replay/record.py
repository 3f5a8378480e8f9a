"""Takes a recording from a colony, by SQL that anybody may ask."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

import coral
from coral._proto.colony.v1 import query_pb2 as pb
from coral.client.colony import ColonyClient
from coral.errors import NoDataError, StorageError, UsageError
from coral.replay.recording import FORMAT, INNER, KEPT, Recording
from coral.store.duckdb.tables import macros_sql, public_views, segmented_tables, view_sql

_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True)
class _Base:
    """A base table of a colony: its time, and the columns that name services."""

    name: str
    time_column: str
    services: tuple[str, ...]


_BASES: Final = (
    _Base("spans", "start_time", ("service_name",)),
    _Base("rollups", "bucket_time", ("service_name",)),
    _Base("system_metrics", "bucket_time", ()),
    _Base("resources", "last_seen", ("service_name",)),
    _Base("log_counts", "bucket_time", ("service_name",)),
    _Base("service_edges", "bucket_time", ("caller", "callee")),
)


def record(
    client: ColonyClient,
    path: Path,
    *,
    since: timedelta,
    services: Sequence[str] = (),
    overwrite: bool = False,
    progress: Callable[[str, int], None] = lambda table, rows: None,
) -> Recording:
    """Writes what a colony knows of the last time to a file.

    Args:
        client: The colony.
        path: Where to; it appears when it is whole.
        since: How far back.
        services: Only these; empty for all. Hosts are recorded whole.
        overwrite: Whether a file that is there is replaced.
        progress: Told of each table and its rows.

    Raises:
        UsageError: The file is there already.
        NoDataError: The colony has no data of that time.
        StorageError: The file cannot be written.
        CoralError: What the colony answers.
    """
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists already", hint="choose another name, or add --force")
    recorded_at = client.query("SELECT CAST(now() AS TIMESTAMP) AS t").rows["t"][0].as_py()
    start = (recorded_at - since).replace(second=0, microsecond=0)
    partial = path.with_name(f".{path.name}.part")
    with _removed(partial):
        try:
            notes, rows = _write(client, partial, start, recorded_at, services, progress)
        except (duckdb.IOException, OSError) as error:
            raise StorageError(f"{path} cannot be written: {str(error).splitlines()[0]}") from None
        if rows == 0:
            names = f" of {', '.join(services)}" if services else ""
            raise NoDataError(
                f"the colony has no data{names} since {start.isoformat()}Z",
                hint="ask for a longer time with --since, or check the names with `coral services`",
            )
        os.replace(partial, path)
    return Recording(path.resolve(), start, recorded_at, tuple(services), tuple(notes))


def _write(
    client: ColonyClient,
    path: Path,
    start: datetime,
    end: datetime,
    services: Sequence[str],
    progress: Callable[[str, int], None],
) -> tuple[list[str], int]:
    notes: list[str] = []
    total = 0
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone='UTC'")
        connection.execute(f"ATTACH '{_text(str(path))}' AS rec; CREATE SCHEMA rec.{INNER}")
        connection.execute(macros_sql())
        made = set(public_views(segmented_tables("colony")))
        for base in _BASES:
            rows = _copy(client, connection, base, start, end, services, notes)
            progress(base.name, rows)
            total += rows if base.name in ("spans", "rollups") else 0
        for table in _BASES:
            connection.execute(f"CREATE VIEW {table.name} AS FROM rec.{INNER}.{table.name}")
        for view in sorted(made):
            connection.execute(f"CREATE TABLE rec.main.{view} AS {view_sql(view)}")
        for base in _BASES:
            if base.name not in KEPT:
                connection.execute(f"DROP VIEW {base.name}; DROP TABLE rec.{INNER}.{base.name}")
        connection.execute(
            f"CREATE TABLE rec.{INNER}.recording (format INTEGER, start_time TIMESTAMP, recorded_at TIMESTAMP"
            ", services VARCHAR[], notes VARCHAR[], coral_version VARCHAR)"
        )
        connection.execute(
            f"INSERT INTO rec.{INNER}.recording VALUES (?, ?, ?, ?, ?, ?)",
            [FORMAT, start, end, list(services), notes, coral.__version__],
        )
        connection.execute("CHECKPOINT rec; DETACH rec")
    return notes, total


def _copy(
    client: ColonyClient,
    connection: duckdb.DuckDBPyConnection,
    base: _Base,
    start: datetime,
    end: datetime,
    services: Sequence[str],
    notes: list[str],
) -> int:
    params: dict[str, Any] = {"start": start, "end": end}
    where = f"{base.time_column} >= $start AND {base.time_column} <= $end"
    if services and base.services:
        names = [f"$s{number}" for number in range(len(services))]
        params |= {name[1:]: service for name, service in zip(names, services, strict=True)}
        where += " AND (" + " OR ".join(f"{column} IN ({', '.join(names)})" for column in base.services) + ")"
    parts = client.record_batches(f"SELECT * FROM {base.name} WHERE {where}", named_params=params)
    rows, created = 0, False
    with contextlib.closing(parts):  # type: ignore[type-var]  # it is a generator
        for part in parts:
            if isinstance(part, pb.Completeness):
                if part.rows_cut:
                    notes.append(f"{base.name} were cut after {rows} rows, the colony's limit")
                notes.extend(f"agent {agent} was missing" for agent in part.missing_agents)
                continue
            connection.register("incoming", pa.Table.from_batches([part]))
            verb = "INSERT INTO {}" if created else "CREATE TABLE {} AS"
            connection.execute(f"{verb.format(f'rec.{INNER}.{base.name}')} FROM incoming")
            connection.unregister("incoming")
            created = True
            rows += part.num_rows
    notes[:] = list(dict.fromkeys(notes))
    return rows


def _text(value: str) -> str:
    return value.replace("'", "''")


@contextlib.contextmanager
def _removed(path: Path) -> Iterator[None]:
    """Removes an unfinished file, before and after."""
    path.unlink(missing_ok=True)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        path.with_name(path.name + ".wal").unlink(missing_ok=True)
