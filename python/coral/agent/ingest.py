"""From decoded columns into the store; answered after the commit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from coral.agent.decode.columns import Decoded, Resource
from coral.clock import Clock
from coral.store.api import Store, Transaction
from coral.store.duckdb.rows import insert_rows

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
        await self._store_rows("spans", decoded, {"agent_id": self._agent_id, "sample_weight": 1.0})

    async def points(self, decoded: Decoded) -> None:
        """Stores metric points; as `spans`."""
        await self._store_rows("metrics", decoded, {})

    def statistics(self) -> IngestStatistics:
        """Counts since the start."""
        return IngestStatistics(
            self._accepted["spans"],
            self._refused["spans"],
            self._accepted["metrics"],
            self._refused["metrics"],
        )

    async def _store_rows(self, table: str, decoded: Decoded, constants: Mapping[str, str | float]) -> None:
        self._refused[table] += decoded.refused
        if decoded.rows.num_rows == 0:
            return
        due = self._due_resources(decoded.resources)
        now = self._clock.now()
        counter = "spans_stored" if table == "spans" else "metric_points_stored"

        def write(transaction: Transaction) -> None:
            insert_rows(transaction, table, decoded.rows, constants)
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
