"""From decoded columns into the store; answered after the commit."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from coral.agent.decode.columns import Decoded, Resource
from coral.clock import Clock
from coral.store.api import Store, Transaction

_RESOURCE_REFRESH_SECONDS: Final = 60.0


@dataclass(frozen=True)
class IngestStatistics:
    """What came in since the start; counts."""

    spans_accepted: int
    spans_refused: int
    points_accepted: int
    points_refused: int


class Ingest:
    """Stores spans and metric points of one agent. Used from one event loop."""

    def __init__(self, store: Store, *, agent_id: str, clock: Clock) -> None:
        self._store = store
        self._agent_id = agent_id
        self._clock = clock
        self._written_resources: dict[Resource, float] = {}
        self._accepted = {"spans": 0, "metrics": 0}
        self._refused = {"spans": 0, "metrics": 0}

    async def spans(self, decoded: Decoded) -> None:
        """Stores spans; returns once they are durable.

        Raises:
            OverloadedError: The writer has no room; nothing was stored.
            StorageError: Writing failed; nothing was stored.
        """
        await self._store_rows("spans", decoded, "? AS agent_id, 1.0 AS sample_weight", [self._agent_id])

    async def points(self, decoded: Decoded) -> None:
        """Stores metric points; as `spans`."""
        await self._store_rows("metrics", decoded, "", [])

    def statistics(self) -> IngestStatistics:
        """Counts since the start."""
        return IngestStatistics(
            self._accepted["spans"],
            self._refused["spans"],
            self._accepted["metrics"],
            self._refused["metrics"],
        )

    async def _store_rows(self, table: str, decoded: Decoded, more: str, values: list[str]) -> None:
        self._refused[table] += decoded.refused
        if decoded.rows.num_rows == 0:
            return
        due = self._due_resources(decoded.resources)
        now = self._clock.now()
        counter = "spans_stored" if table == "spans" else "metric_points_stored"

        def write(transaction: Transaction) -> None:
            insert_rows(transaction, table, decoded.rows, more, values)
            for resource in due:
                transaction.connection.execute(
                    "INSERT INTO resources VALUES (?, ?, ?, ?, ?, ?)",
                    [
                        transaction.seq,
                        self._agent_id,
                        resource.service_name,
                        resource.instance_id,
                        resource.attributes,
                        now,
                    ],
                )
            transaction.connection.execute(
                "UPDATE counters SET value = value + ? WHERE name = ?", [decoded.rows.num_rows, counter]
            )

        await asyncio.wrap_future(self._store.submit(write))
        written_at = time.monotonic()
        for resource in due:
            self._written_resources[resource] = written_at
        self._accepted[table] += decoded.rows.num_rows

    def _due_resources(self, resources: tuple[Resource, ...]) -> list[Resource]:
        """Those that are new, or whose last_seen needs to move on."""
        oldest = time.monotonic() - _RESOURCE_REFRESH_SECONDS
        return [item for item in resources if self._written_resources.get(item, oldest) <= oldest]


def insert_rows(
    transaction: Transaction, table: str, rows: pa.Table, more: str = "", values: list[str] | None = None
) -> None:
    """Inserts an Arrow table by column names.

    Args:
        transaction: The open transaction.
        table: Name of a segmented table.
        rows: Its columns, but for `ingest_seq`.
        more: More columns as SQL, with `?` for `values`.
        values: Values of these.
    """
    connection = transaction.connection
    connection.register("incoming_rows", rows)
    try:
        extra = f", {more}" if more else ""
        connection.execute(
            f"INSERT INTO {table} BY NAME SELECT ?::BIGINT AS ingest_seq{extra}, * FROM incoming_rows",
            [transaction.seq, *(values or [])],
        )
    finally:
        connection.unregister("incoming_rows")
