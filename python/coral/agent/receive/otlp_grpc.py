"""OTLP over gRPC: traces and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsPartialSuccess,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from coral.agent.decode.columns import Decoded
from coral.agent.decode.metrics import decode_metrics
from coral.agent.decode.traces import decode_traces
from coral.agent.ingest import Ingest
from coral.errors import CoralError, UsageError
from coral.wire.status import abort

_PACKAGE: Final = "opentelemetry.proto.collector"


def trace_response(decoded: Decoded) -> ExportTraceServiceResponse:
    """The answer to a trace export, with `partial_success` where spans were refused."""
    response = ExportTraceServiceResponse()
    if decoded.refused:
        response.partial_success.CopyFrom(
            ExportTracePartialSuccess(rejected_spans=decoded.refused, error_message=decoded.reason)
        )
    return response


def metrics_response(decoded: Decoded) -> ExportMetricsServiceResponse:
    """The answer to a metrics export, with `partial_success` where points were refused."""
    response = ExportMetricsServiceResponse()
    if decoded.refused:
        response.partial_success.CopyFrom(
            ExportMetricsPartialSuccess(rejected_data_points=decoded.refused, error_message=decoded.reason)
        )
    return response


def parse_traces(body: bytes) -> Decoded:
    """Decodes a protobuf body.

    Raises:
        UsageError: It is not an `ExportTraceServiceRequest`.
    """
    try:
        return decode_traces(ExportTraceServiceRequest.FromString(body))
    except DecodeError as error:
        raise UsageError(f"the body is not an ExportTraceServiceRequest: {error}") from error


def parse_metrics(body: bytes) -> Decoded:
    """Decodes a protobuf body.

    Raises:
        UsageError: It is not an `ExportMetricsServiceRequest`.
    """
    try:
        return decode_metrics(ExportMetricsServiceRequest.FromString(body))
    except DecodeError as error:
        raise UsageError(f"the body is not an ExportMetricsServiceRequest: {error}") from error


def otlp_handlers(ingest: Ingest) -> tuple[grpc.GenericRpcHandler, ...]:
    """The gRPC handlers. Requests arrive as bytes, so that a bad one is answered and not dropped."""
    return (
        _service("trace.v1.TraceService", parse_traces, ingest.spans, trace_response),
        _service("metrics.v1.MetricsService", parse_metrics, ingest.points, metrics_response),
    )


def _service(
    name: str,
    parse: Callable[[bytes], Decoded],
    store: Callable[[Decoded], Awaitable[None]],
    respond: Callable[[Decoded], Any],
) -> grpc.GenericRpcHandler:
    async def export(body: bytes, context: grpc.aio.ServicerContext[object, object]) -> bytes:
        try:
            decoded = await asyncio.to_thread(parse, body)
            await store(decoded)
        except CoralError as error:
            await abort(context, error)
        return bytes(respond(decoded).SerializeToString())

    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(export)
    return grpc.method_handlers_generic_handler(f"{_PACKAGE}.{name}", {"Export": method})
