"""OTLP over gRPC: traces, metrics and logs."""

from __future__ import annotations

from typing import Final

import grpc

from coral.agent.ingest import Ingest
from coral.agent.receive.exports import EXPORTS, Export
from coral.errors import CoralError
from coral.wire.status import abort

OTLP_SERVICES: Final = tuple(export.service for export in EXPORTS)
"""Full names of the services."""


def otlp_handlers(ingest: Ingest) -> tuple[grpc.GenericRpcHandler, ...]:
    """The gRPC handlers. Requests arrive as bytes, so that a bad one is answered and not dropped."""
    return tuple(_service(export, ingest) for export in EXPORTS)


def _service(export: Export, ingest: Ingest) -> grpc.GenericRpcHandler:
    async def answer(body: bytes, context: grpc.aio.ServicerContext[object, object]) -> bytes:
        try:
            decoded = await ingest.receive(export.signal, body, export.parse)
        except CoralError as error:
            await abort(context, error)
        return export.respond(decoded).SerializeToString()

    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(answer)
    return grpc.method_handlers_generic_handler(export.service, {"Export": method})
