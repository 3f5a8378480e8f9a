"""StatusService: how the colony and its agents are doing, for operators."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import grpc
import psutil

import coral
from coral._proto.colony.v1 import status_pb2, status_pb2_grpc
from coral.clock import Clock
from coral.colony.fleet import FleetServicer
from coral.colony.registry import FORGOTTEN_AFTER, KnownAgent
from coral.errors import CoralError
from coral.store.api import Store
from coral.wire.status import abort
from coral.wire.times import to_timestamp


class StatusServicer(status_pb2_grpc.StatusServiceServicer):
    """Serves what the fleet's registry and the store know; asks no agent."""

    def __init__(
        self,
        store: Store,
        fleet: FleetServicer,
        *,
        clock: Clock,
        started_at: datetime,
        problems: Callable[[], Sequence[str]],
        fleet_port: int,
    ) -> None:
        """Binds the parts.

        Args:
            store: The colony's store.
            fleet: The agents.
            clock: The time.
            started_at: When the process started, UTC.
            problems: What an operator should know about the colony, a sentence each; called in a thread.
            fleet_port: Where agents are served.
        """
        self._store = store
        self._fleet = fleet
        self._clock = clock
        self._started_at = started_at
        self._problems = problems
        self._fleet_port = fleet_port

    async def GetStatus(  # noqa: D102
        self, request: status_pb2.GetStatusRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> status_pb2.GetStatusResponse:
        since = self._clock.now() - FORGOTTEN_AFTER
        try:
            response = status_pb2.GetStatusResponse(colony=await asyncio.to_thread(self._colony))
        except CoralError as error:
            await abort(context, error)
        for agent in self._fleet.registry.agents():
            connected = self._fleet.stream(agent.agent_id) is not None
            if connected or agent.last_seen >= since:
                response.agents.append(_agent(agent, connected=connected))
        return response

    async def GetFleetPort(  # noqa: D102
        self, request: status_pb2.GetFleetPortRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> status_pb2.GetFleetPortResponse:
        return status_pb2.GetFleetPortResponse(port=self._fleet_port)

    def _colony(self) -> status_pb2.ColonyStatus:
        store = self._store.statistics()
        batches = self._fleet.statistics()
        return status_pb2.ColonyStatus(
            coral_version=coral.__version__,
            started_at=to_timestamp(self._started_at),
            queued_writes=store.queued_jobs,
            batches_applied=batches.batches,
            batches_repeated=batches.duplicates,
            segments=store.segment_count,
            segment_bytes=store.segment_bytes,
            disk_used_bytes=store.disk_used_bytes,
            disk_free_bytes=store.disk_free_bytes,
            memory_bytes=psutil.Process().memory_info().rss,
            problems=self._problems(),
        )


def _agent(agent: KnownAgent, *, connected: bool) -> status_pb2.AgentStatus:
    status = status_pb2.AgentStatus(
        agent_id=agent.agent_id,
        hostname=agent.hostname,
        coral_version=agent.coral_version,
        connected=connected,
        last_seen=to_timestamp(agent.last_seen),
        labels=json.loads(agent.labels),
    )
    if agent.newest_batch_at is not None:
        status.newest_batch_at.CopyFrom(to_timestamp(agent.newest_batch_at))
    if agent.health is not None:
        status.health.CopyFrom(agent.health)
    return status
