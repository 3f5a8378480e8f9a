"""What an agent has stored, read from its data directory, whether it runs or not.

DuckDB lets only one process open a file, so a running agent writes its figures to `status.json`
beside the database; they are at most one interval old. Of a stopped agent the database is read.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb

from coral.errors import NotFoundError, StorageError
from coral.store.api import Store

_FILE = "status.json"
_SQL = """
    SELECT (SELECT value FROM main.counters WHERE name = 'spans_stored'),
           (SELECT value FROM main.counters WHERE name = 'metric_points_stored'),
           (SELECT count(*) FROM main.outbox)
"""


def collect_status(store: Store, *, agent_id: str, running: bool) -> dict[str, Any]:
    """The figures as of now.

    Returns:
        `id`, `running`, `spans_stored` and `metric_points_stored` (since the database was made),
        `outbox_batches` (waiting for the colony), `segments`, `segment_bytes`.
    """
    ((spans, points, outbox),) = store.query(_SQL, since={})
    statistics = store.statistics()
    return {
        "id": agent_id,
        "running": running,
        "spans_stored": spans,
        "metric_points_stored": points,
        "outbox_batches": outbox,
        "segments": statistics.segment_count,
        "segment_bytes": statistics.segment_bytes,
    }


def write_status(data: Path, status: dict[str, Any]) -> None:
    """Replaces the status file."""
    temporary = data / f".{_FILE}.partial"
    temporary.write_text(json.dumps(status))
    temporary.replace(data / _FILE)


def read_status(data: Path) -> dict[str, Any]:
    """The figures of an agent's data directory.

    Raises:
        NotFoundError: No agent has written there.
        StorageError: The figures cannot be read.
    """
    try:
        status: dict[str, Any] = json.loads((data / _FILE).read_text())
    except FileNotFoundError:
        raise NotFoundError(
            f"{data} is not the data directory of an agent",
            hint="pass the --data that `coral agent start` was given",
        ) from None
    except (OSError, ValueError) as error:
        raise StorageError(f"{data / _FILE} cannot be read: {error}") from error
    return {**status, **_from_database(data)}


def _from_database(data: Path) -> dict[str, Any]:
    """Exact figures, if no agent holds the database open."""
    try:
        connection = duckdb.connect(str(data / "active.duckdb"), read_only=True)
    except duckdb.Error:
        return {}  # a running agent holds it; its own file is fresh
    try:
        ((spans, points, outbox),) = connection.execute(_SQL).fetchall()
    finally:
        connection.close()
    return {"running": False, "spans_stored": spans, "metric_points_stored": points, "outbox_batches": outbox}
