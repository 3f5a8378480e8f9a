"""The file of a recording: DuckDB, with the public tables, and what helpers need in a schema of its own.

| schema | tables |
|---|---|
| `main` | the public views, as tables: what `coral query --dataset` and `db.query` read |
| `coral_record` | `rollups`, `system_metrics`, `resources` as in a colony: histograms, what was known when |
| `coral_record` | `recording`: one row about the recording itself |
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import duckdb

from coral.errors import NoDataError, StorageError
from coral.store.guard.database import check_dataset
from coral.store.guard.replay_time import RECORD

INNER: Final = RECORD
FORMAT: Final = 1
KEPT: Final = ("rollups", "system_metrics", "resources")
"""Base tables that stay in the file; the others only make public tables."""


@dataclass(frozen=True)
class Recording:
    """What a recording is of.

    Attributes:
        path: The file.
        start: The time from which on it has data, UTC.
        recorded_at: When it was made, UTC: "now" for those who ask it.
        services: Only these services; empty for all.
        notes: What is missing, a sentence each.
    """

    path: Path
    start: datetime
    recorded_at: datetime
    services: tuple[str, ...]
    notes: tuple[str, ...]


def read_recording(path: Path) -> Recording:
    """What a file is a recording of.

    Raises:
        NoDataError: It is not there, or it was not made by `coral record`.
        StorageError: It cannot be read, or a newer Coral has made it.
    """
    check_dataset(path)
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = {
                name
                for (name,) in connection.execute(
                    "SELECT table_name FROM duckdb_tables() WHERE schema_name = ?", [INNER]
                ).fetchall()
            }
            if not {"recording", *KEPT} <= tables:
                raise NoDataError(
                    f"{path} is no recording of `coral record`",
                    hint="coral record FILE makes one; coral query --dataset asks others as well",
                )
            row = connection.execute(
                f"SELECT format, start_time, recorded_at, services, notes FROM {INNER}.recording"
            ).fetchone()
    except duckdb.Error as error:
        raise StorageError(
            f"{path} cannot be read: {str(error).splitlines()[0]}",
            hint="it may be damaged, or open in another process",
        ) from None
    if row is None or row[0] != FORMAT:
        raise StorageError(
            f"{path} has format {None if row is None else row[0]}, expected {FORMAT}",
            hint="another version of Coral has recorded it; record it again",
        )
    return Recording(path.resolve(), row[1], row[2], tuple(row[3]), tuple(row[4]))
