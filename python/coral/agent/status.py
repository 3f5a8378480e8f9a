"""How an agent is doing, read from its data directory, whether it runs or not.

DuckDB lets only one process open a file, so a running agent writes its figures to `status.json`
beside the database; they are at most one interval old. Of a stopped agent the database is read.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import duckdb

from coral._proto.colony.v1 import fleet_pb2
from coral.agent.problems import Delivery
from coral.errors import NotFoundError, StorageError
from coral.store.api import StoreStatistics

_FILE: Final = "status.json"
_SQL: Final = """
    SELECT (SELECT map_from_entries(list((name, value))) FROM main.counters),
           (SELECT count(*) FROM main.outbox), (SELECT coalesce(sum(size_bytes), 0) FROM main.outbox),
           (SELECT min(created_at) FROM main.outbox)
"""


def status_document(
    health: fleet_pb2.AgentHealth,
    store: StoreStatistics,
    delivery: Delivery | None,
    *,
    agent_id: str,
    running: bool,
) -> dict[str, Any]:
    """The figures as `coral agent status` shows them.

    Returns:
        `id`, `running`, `written_at`; what was stored and refused by kind; what waits for the colony and
        since when; what was given up; disk, memory and segments; `connected` and `last_error` of the way
        to the colony (None without one); `problems`, a sentence each.
    """
    oldest = health.oldest_batch_at.ToDatetime() if health.HasField("oldest_batch_at") else None
    return {
        "id": agent_id,
        "running": running,
        "written_at": _iso(datetime.now(UTC).replace(tzinfo=None)),
        "connected": None if delivery is None else delivery.connected,
        "last_error": None if delivery is None else delivery.last_error,
        "spans_stored": health.spans_stored,
        "metric_points_stored": health.points_stored,
        "log_records_stored": health.logs_stored,
        "spans_refused": health.spans_refused,
        "metric_points_refused": health.points_refused,
        "log_records_refused": health.logs_refused,
        "requests_overloaded": health.requests_overloaded,
        "outbox_batches": health.outbox_batches,
        "outbox_bytes": health.outbox_bytes,
        "oldest_batch_at": None if oldest is None else _iso(oldest),
        "batches_given_up": health.batches_given_up,
        "spans_given_up": health.spans_given_up,
        "raw_rows_given_up": health.raw_rows_given_up,
        "queued_writes": store.queued_jobs,
        "segments": store.segment_count,
        "segment_bytes": store.segment_bytes,
        "disk_used_bytes": health.disk_used_bytes,
        "disk_free_bytes": health.disk_free_bytes,
        "memory_bytes": health.memory_bytes if running else 0,
        "problems": list(health.problems),
    }


def write_status(data: Path, status: dict[str, Any]) -> None:
    """Replaces the status file.

    Raises:
        OSError: It cannot be written, on a full disk for example.
    """
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
        return {}  # a running agent holds it, or it is damaged; the file has the last figures
    try:
        ((counters, batches, size, oldest),) = connection.execute(_SQL).fetchall()
    except duckdb.Error:
        return {"running": False}  # of an older version: its figures are those of the file
    finally:
        connection.close()
    return {
        "running": False,
        "connected": None,
        "memory_bytes": 0,
        "spans_stored": counters.get("spans_stored", 0),
        "metric_points_stored": counters.get("metric_points_stored", 0),
        "log_records_stored": counters.get("log_records_stored", 0),
        "batches_given_up": counters.get("batches_given_up", 0),
        "spans_given_up": counters.get("spans_given_up", 0),
        "raw_rows_given_up": counters.get("raw_rows_given_up", 0),
        "outbox_batches": batches,
        "outbox_bytes": int(size),
        "oldest_batch_at": None if oldest is None else _iso(oldest),
    }


def _iso(moment: datetime) -> str:
    return f"{moment.isoformat(timespec='milliseconds')}Z"
