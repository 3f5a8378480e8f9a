"""OTLP over HTTP: `/v1/traces` and `/v1/metrics`, protobuf and JSON, plain and gzip.

Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

from google.protobuf import json_format
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from coral.agent.decode.columns import Decoded
from coral.agent.decode.metrics import decode_metrics
from coral.agent.decode.otlp_json import parse_json
from coral.agent.decode.traces import decode_traces
from coral.agent.ingest import Ingest
from coral.agent.receive.otlp_grpc import metrics_response, parse_metrics, parse_traces, trace_response
from coral.errors import CoralError, OverloadedError, StorageError, UsageError
from coral.limits import MAX_OTLP_BODY_BYTES
from coral.wire.status import to_status

_PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"
_RETRY_AFTER_SECONDS: Final = "1"


class _HttpError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = UsageError(message)


def otlp_app(ingest: Ingest) -> Starlette:
    """The ASGI application."""
    return Starlette(
        routes=[
            Route(
                "/v1/traces",
                _endpoint(parse_traces, _json_traces, ingest.spans, trace_response),
                methods=["POST"],
            ),
            Route(
                "/v1/metrics",
                _endpoint(parse_metrics, _json_metrics, ingest.points, metrics_response),
                methods=["POST"],
            ),
            Route("/healthz", _healthz),
        ]
    )


async def _healthz(_: Request) -> Response:
    return PlainTextResponse("ok\n")


def _json_traces(body: bytes) -> Decoded:
    return decode_traces(parse_json(body, ExportTraceServiceRequest()))


def _json_metrics(body: bytes) -> Decoded:
    return decode_metrics(parse_json(body, ExportMetricsServiceRequest()))


def _endpoint(
    parse_protobuf: Callable[[bytes], Decoded],
    parse_json_body: Callable[[bytes], Decoded],
    store: Callable[[Decoded], Awaitable[None]],
    respond: Callable[[Decoded], Any],
) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        as_json = media_type == _JSON
        try:
            if media_type not in (_PROTOBUF, _JSON):
                raise _HttpError(415, f"content-type is {media_type!r}, expected {_PROTOBUF} or {_JSON}")
            body = await _body(request)
            decoded = await asyncio.to_thread(parse_json_body if as_json else parse_protobuf, body)
            await store(decoded)
        except _HttpError as error:
            return _failure(error.status, error.error, as_json=as_json)
        except UsageError as error:
            return _failure(400, error, as_json=as_json)
        except OverloadedError as error:
            return _failure(429, error, as_json=as_json)
        except StorageError as error:
            return _failure(503, error, as_json=as_json)
        return _answer(200, respond(decoded), as_json=as_json)

    return handle


async def _body(request: Request) -> bytes:
    """The body, decompressed, at most `MAX_OTLP_BODY_BYTES` long."""
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", ""):
        raise _HttpError(415, f"content-encoding is {encoding!r}, expected gzip or none")
    inflate = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    parts: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            # One byte more than allowed is enough to know.
            part = inflate.decompress(chunk, MAX_OTLP_BODY_BYTES - size + 1) if inflate else chunk
            size += len(part)
            if size > MAX_OTLP_BODY_BYTES:
                raise _HttpError(
                    413,
                    f"the body is larger than the limit MAX_OTLP_BODY_BYTES ({MAX_OTLP_BODY_BYTES} bytes)",
                )
            parts.append(part)
    except zlib.error as error:
        raise _HttpError(400, f"the body is not gzip: {error}") from error
    except ClientDisconnect as error:
        raise _HttpError(400, "the client went away before the body was complete") from error
    if inflate is not None and not inflate.eof:
        raise _HttpError(400, "the gzip body is cut short")
    return b"".join(parts)


def _failure(status: int, error: CoralError, *, as_json: bool) -> Response:
    message: Status = to_status(error)
    response = _answer(status, message, as_json=as_json)
    if status in (429, 503):
        response.headers["Retry-After"] = _RETRY_AFTER_SECONDS
    return response


def _answer(status: int, message: Any, *, as_json: bool) -> Response:
    if as_json:
        return Response(json_format.MessageToJson(message, indent=None), status, media_type=_JSON)
    return Response(message.SerializeToString(), status, media_type=_PROTOBUF)
