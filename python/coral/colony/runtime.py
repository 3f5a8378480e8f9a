"""RuntimeService of a colony: what a script of `coral run` says beyond asking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from coral._proto.sdk.v1 import runtime_pb2 as pb
from coral._proto.sdk.v1 import runtime_pb2_grpc
from coral.colony.script_events import ScriptEvents
from coral.errors import CoralError
from coral.wire.status import abort

if TYPE_CHECKING:
    _Context = grpc.aio.ServicerContext[Any, Any]


class RuntimeServicer(runtime_pb2_grpc.RuntimeServiceServicer):
    """Serves `ScriptEvents`. The methods are documented in the contract, `runtime.proto`."""

    def __init__(self, events: ScriptEvents) -> None:
        self._events = events

    async def Emit(self, request: pb.EmitRequest, context: _Context) -> pb.EmitResponse:
        """See the RPC."""
        try:
            await self._events.emit(request)
        except CoralError as error:
            await abort(context, error)
        return pb.EmitResponse()

    async def Heartbeat(self, request: pb.HeartbeatRequest, context: _Context) -> pb.HeartbeatResponse:
        """See the RPC: nobody waits for a sign of life from `coral run`."""
        return pb.HeartbeatResponse()
