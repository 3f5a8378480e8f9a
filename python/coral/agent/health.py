"""What an agent says about itself: to its colony, and to `coral agent status`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import psutil

from coral._proto.colony.v1 import fleet_pb2
from coral.agent.ingest import Ingest
from coral.errors import CoralError
from coral.store.api import Store
from coral.wire.times import to_timestamp

_SQL: Final = """
    SELECT (SELECT count(*) FROM main.outbox), (SELECT coalesce(sum(size_bytes), 0) FROM main.outbox),
           (SELECT min(created_at) FROM main.outbox),
           (SELECT map_from_entries(list((name, value))) FROM main.counters)
"""


class Health:
    """Takes an agent's figures together. From any thread; costs milliseconds."""

    def __init__(
        self, store: Store, ingest: Ingest, *, data: Path, problems: Callable[[], Sequence[str]]
    ) -> None:
        """Binds the parts.

        Args:
            store: The agent's store.
            ingest: Counts since the start.
            data: The data directory.
            problems: What an operator should know now, a sentence each.
        """
        self._store = store
        self._ingest = ingest
        self._data = data
        self._problems = problems

    def now(self) -> fleet_pb2.AgentHealth:
        """The figures as of now; when the store cannot be read, what is known without it, and that."""
        health = fleet_pb2.AgentHealth(problems=self._problems())
        self._from_ingest(health)
        self._from_machine(health)
        try:
            self._from_store(health)
        except CoralError as error:
            health.problems.append(f"the agent's figures cannot be read: {error}")
        return health

    def _from_store(self, health: fleet_pb2.AgentHealth) -> None:
        ((batches, waiting_bytes, oldest, counters),) = self._store.query(_SQL, since={})
        health.outbox_batches = batches
        health.outbox_bytes = int(waiting_bytes)
        health.spans_stored = counters["spans_stored"]
        health.points_stored = counters["metric_points_stored"]
        health.logs_stored = counters["log_records_stored"]
        health.batches_given_up = counters["batches_given_up"]
        health.spans_given_up = counters["spans_given_up"]
        health.raw_rows_given_up = counters["raw_rows_given_up"]
        if oldest is not None:
            health.oldest_batch_at.CopyFrom(to_timestamp(oldest))

    def _from_ingest(self, health: fleet_pb2.AgentHealth) -> None:
        since_start = self._ingest.statistics()
        health.spans_refused = since_start.spans_refused
        health.points_refused = since_start.points_refused
        health.logs_refused = since_start.records_refused
        health.requests_overloaded = since_start.overloaded_requests

    def _from_machine(self, health: fleet_pb2.AgentHealth) -> None:
        health.disk_used_bytes = _folder_bytes(self._data)
        health.disk_free_bytes = shutil.disk_usage(self._data).free
        health.memory_bytes = psutil.Process().memory_info().rss


def _folder_bytes(folder: Path) -> int:
    """Size of the files below a folder; files that vanish meanwhile do not count."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(parent, name)).st_size
            except FileNotFoundError:
                continue  # merged or expired between the listing and now
    return total
