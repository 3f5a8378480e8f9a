"""Events that scripts emit while they run on a recording: kept in memory, and handed to whoever runs them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

import grpc

from coral._proto.sdk.v1 import runtime_pb2 as pb
from coral._proto.sdk.v1 import runtime_pb2_grpc

if TYPE_CHECKING:
    _Context = grpc.aio.ServicerContext[Any, Any]

MAX_EVENTS: Final = 10_000
"""Events of one run that are kept; an alert that fires more often in a replay is wrong anyway."""


class ReplayRuntime(runtime_pb2_grpc.RuntimeServiceServicer):
    """Keeps what is emitted. The methods are documented in the contract, `runtime.proto`."""

    def __init__(self) -> None:
        self._events: deque[pb.EmitRequest] = deque(maxlen=MAX_EVENTS)
        self._seen: set[str] = set()

    async def Emit(self, request: pb.EmitRequest, context: _Context) -> pb.EmitResponse:  # noqa: N802
        """See the RPC; nothing outlives the run."""
        if request.event_id not in self._seen:
            self._seen.add(request.event_id)
            self._events.append(request)
        return pb.EmitResponse()

    async def Heartbeat(  # noqa: N802
        self, request: pb.HeartbeatRequest, context: _Context
    ) -> pb.HeartbeatResponse:
        """See the RPC: nobody waits for a sign of life."""
        return pb.HeartbeatResponse()

    def take(self) -> list[dict[str, object]]:
        """What was emitted since the last time, in order."""
        taken = [
            {
                "time_ms": event.timestamp.ToMilliseconds(),
                "name": event.name,
                "severity": pb.Severity.Name(event.severity).removeprefix("SEVERITY_").lower(),
                "data": event.data,
            }
            for event in self._events
        ]
        self._events.clear()
        self._seen.clear()
        return taken
