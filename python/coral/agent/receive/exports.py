"""What can be exported to an agent: traces, metrics and logs, and how each is decoded and answered.

gRPC and HTTP serve the same three; only what carries them differs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from google.protobuf.message import DecodeError, EncodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
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

from coral.agent.decode.bulk import check_json, check_protobuf
from coral.agent.decode.columns import Decoded
from coral.agent.decode.logs import decode_logs
from coral.agent.decode.metrics import decode_metrics
from coral.agent.decode.otlp_json import parse_json
from coral.agent.decode.traces import decode_trace_bytes
from coral.agent.group import Signal
from coral.errors import UsageError

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Export:
    """One of OTLP's services.

    Attributes:
        signal: What it carries.
        service: Full name of the gRPC service; its method is `Export`.
        path: Path of the HTTP endpoint.
        parse: Decodes a protobuf body; raises `UsageError` where it is none.
        parse_json: Decodes a JSON body; raises `UsageError` where it is none.
        respond: The answer, with `partial_success` where items were refused or changed.
    """

    signal: Signal
    service: str
    path: str
    parse: Callable[[bytes], Decoded]
    parse_json: Callable[[bytes], Decoded]
    respond: Callable[[Decoded], Message]


def _json_traces(body: bytes) -> Decoded:
    check_json(body)
    try:
        encoded = parse_json(body, ExportTraceServiceRequest()).SerializeToString()
    except EncodeError as error:
        raise UsageError("the body is not OTLP/JSON: it is nested too deeply") from error
    return decode_trace_bytes(encoded)


def _metrics(body: bytes) -> Decoded:
    check_protobuf(body, points=True)
    return decode_metrics(_message(body, ExportMetricsServiceRequest()), now_ns=time.time_ns())


def _json_metrics(body: bytes) -> Decoded:
    check_json(body)
    return decode_metrics(parse_json(body, ExportMetricsServiceRequest()), now_ns=time.time_ns())


def _logs(body: bytes) -> Decoded:
    check_protobuf(body)
    return decode_logs(_message(body, ExportLogsServiceRequest()), now_ns=time.time_ns())


def _json_logs(body: bytes) -> Decoded:
    check_json(body)
    return decode_logs(parse_json(body, ExportLogsServiceRequest()), now_ns=time.time_ns())


def _message(body: bytes, message: M) -> M:
    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise UsageError(f"the body is not an {message.DESCRIPTOR.name}: {error}") from error
    return message


def _trace_response(decoded: Decoded) -> Message:
    if not decoded.refused and not decoded.reason:
        return ExportTraceServiceResponse()
    told = ExportTracePartialSuccess(rejected_spans=decoded.refused, error_message=decoded.reason)
    return ExportTraceServiceResponse(partial_success=told)


def _metrics_response(decoded: Decoded) -> Message:
    if not decoded.refused and not decoded.reason:
        return ExportMetricsServiceResponse()
    told = ExportMetricsPartialSuccess(rejected_data_points=decoded.refused, error_message=decoded.reason)
    return ExportMetricsServiceResponse(partial_success=told)


def _logs_response(decoded: Decoded) -> Message:
    if not decoded.refused and not decoded.reason:
        return ExportLogsServiceResponse()
    told = ExportLogsPartialSuccess(rejected_log_records=decoded.refused, error_message=decoded.reason)
    return ExportLogsServiceResponse(partial_success=told)


_PACKAGE: Final = "opentelemetry.proto.collector"

EXPORTS: Final = (
    Export(
        *(Signal.SPANS, f"{_PACKAGE}.trace.v1.TraceService", "/v1/traces"),
        *(decode_trace_bytes, _json_traces, _trace_response),
    ),
    Export(
        *(Signal.POINTS, f"{_PACKAGE}.metrics.v1.MetricsService", "/v1/metrics"),
        *(_metrics, _json_metrics, _metrics_response),
    ),
    Export(
        *(Signal.LOGS, f"{_PACKAGE}.logs.v1.LogsService", "/v1/logs"),
        *(_logs, _json_logs, _logs_response),
    ),
)
"""All that an agent receives."""
