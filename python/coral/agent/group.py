"""Requests that share one transaction: their rows, digests, resources and counters."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

import pyarrow as pa

from coral.agent.decode.columns import Decoded, Resource
from coral.limits import MAX_REMEMBERED_RESOURCES, MIN_DIRECT_ROWS
from coral.store.api import Transaction
from coral.store.duckdb.rows import insert_rows

_RESOURCE_REFRESH_SECONDS: Final = 60.0
_RESOURCE_SCHEMA: Final = pa.schema(
    [
        ("service_name", pa.string()),
        ("instance_id", pa.string()),
        ("attributes", pa.string()),
        ("last_seen", pa.timestamp("us")),
    ]
)


class Signal(Enum):
    """A kind of telemetry; the value is the table that it goes to."""

    SPANS = "spans"
    POINTS = "metrics"
    LOGS = "logs"


_COUNTERS: Final = {
    Signal.SPANS: "spans_stored",
    Signal.POINTS: "metric_points_stored",
    Signal.LOGS: "log_records_stored",
}


@dataclass(frozen=True, eq=False)
class Item:
    """One decoded request.

    Attributes:
        signal: What its rows are.
        decoded: The rows and their resources.
        digest: The request's digest; None when it was no request.
    """

    signal: Signal
    decoded: Decoded
    digest: bytes | None


class WrittenResources:
    """Which resources were written lately; bounded, as a client can invent resources without end."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._written: dict[bytes, float] = {}  # by age

    def due(self, resources: Iterable[Resource]) -> dict[bytes, Resource]:
        """Those that are new, or whose `last_seen` needs to move on, by their key."""
        oldest = self._monotonic() - _RESOURCE_REFRESH_SECONDS
        keyed = {_resource_key(resource): resource for resource in resources}
        return {key: item for key, item in keyed.items() if self._written.get(key, oldest) <= oldest}

    def add(self, keys: Iterable[bytes]) -> None:
        """Remembers resources whose transaction is committed, and lets go of the oldest."""
        now = self._monotonic()
        for key in keys:
            self._written.pop(key, None)
            self._written[key] = now
        while len(self._written) > MAX_REMEMBERED_RESOURCES:
            del self._written[next(iter(self._written))]


def write_items(
    transaction: Transaction,
    items: Sequence[Item],
    resources: Iterable[Resource],
    *,
    agent_id: str,
    now: datetime,
    resent: int,
) -> None:
    """Inserts everything that a group brings, but for the digests.

    Args:
        transaction: The open transaction.
        items: The requests.
        resources: Resources whose row is due.
        agent_id: Of this agent.
        now: The time, UTC, naive.
        resent: Requests to count as resent.
    """
    added = {"resent_requests": resent}
    for signal in Signal:
        tables = [item.decoded.rows for item in items if item.signal is signal]
        if not tables:
            continue
        constants: dict[str, str | float] = (
            {"agent_id": agent_id, "sample_weight": 1.0} if signal is Signal.SPANS else {}
        )
        rows = pa.concat_tables(tables)
        if signal is Signal.SPANS and rows.num_rows >= MIN_DIRECT_ROWS:
            transaction.append(signal.value, rows, constants)
        else:
            insert_rows(transaction, signal.value, rows, constants)
        added[_COUNTERS[signal]] = rows.num_rows
    due = list(resources)
    if due:
        columns = [
            pa.array([item.service_name for item in due], pa.string()),
            pa.array([item.instance_id for item in due], pa.string()),
            pa.array([item.attributes for item in due], pa.string()),
            pa.array([now] * len(due), pa.timestamp("us")),
        ]
        table = pa.Table.from_arrays(columns, schema=_RESOURCE_SCHEMA)
        insert_rows(transaction, "resources", table, {"agent_id": agent_id})
    for name, value in added.items():
        if value:
            transaction.connection.execute(
                "UPDATE counters SET value = value + ? WHERE name = ?", [value, name]
            )


def _resource_key(resource: Resource) -> bytes:
    hashed = hashlib.blake2b(digest_size=16)
    for part in (resource.service_name, resource.instance_id, resource.attributes):
        encoded = part.encode()
        hashed.update(len(encoded).to_bytes(8, "little"))
        hashed.update(encoded)
    return hashed.digest()
