"""OTLP over HTTP: `/v1/traces`, `/v1/metrics` and `/v1/logs`, protobuf and JSON, plain and gzip.

Statuses: 200 stored (with `partial_success` where items were refused), 400 malformed, 413 too large, 415 a
type or encoding that is not understood: none of these is worth a retry. 429 no room now, 503 cannot be
stored now or came too slowly: the same request may be sent again after `Retry-After`. The body of a failure
is a `google.rpc.Status` in the request's own encoding.

Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import uvicorn
from google.protobuf import json_format
from google.protobuf.message import Message
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from coral.agent.ingest import Ingest
from coral.agent.receive.exports import EXPORTS, Export
from coral.agent.receive.http_body import Bodies, HttpError
from coral.agent.receive.http_protocol import BoundedHttpProtocol
from coral.agent.telemetry import CountedHttp
from coral.errors import CoralError, OverloadedError, StorageError, UsageError
from coral.limits import MAX_HTTP_CONNECTIONS
from coral.wire.status import to_status

_PROTOBUF: Final = "application/x-protobuf"
_JSON: Final = "application/json"
_RETRY_AFTER_SECONDS: Final = "1"


def otlp_app(ingest: Ingest) -> Starlette:
    """The ASGI application."""
    bodies = Bodies()
    return Starlette(
        routes=[
            *(Route(one.path, _endpoint(one, ingest, bodies), methods=["POST"]) for one in EXPORTS),
            Route("/healthz", _healthz),
        ]
    )


def otlp_http_config(ingest: Ingest) -> uvicorn.Config:
    """The server's configuration, with bounds on connections and on the heads of requests."""
    return uvicorn.Config(
        CountedHttp(otlp_app(ingest), paths={one.path: one.signal.value for one in EXPORTS}),
        http=BoundedHttpProtocol,
        ws="none",
        limit_concurrency=MAX_HTTP_CONNECTIONS,
        log_level="warning",
        lifespan="off",
        access_log=False,
    )


async def _healthz(_: Request) -> Response:
    return PlainTextResponse("ok\n")


def _endpoint(export: Export, ingest: Ingest, bodies: Bodies) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        as_json = media_type == _JSON
        try:
            if media_type not in (_PROTOBUF, _JSON):
                message = f"content-type is {media_type[:50]!r}, expected {_PROTOBUF} or {_JSON}"
                raise HttpError(415, UsageError(message))
            body = await bodies.read(request)
            parse = export.parse_json if as_json else export.parse
            decoded = await ingest.receive(export.signal, body, parse)
        except HttpError as error:
            return _failure(error.status, error.error, as_json=as_json)
        except UsageError as error:
            return _failure(400, error, as_json=as_json)
        except OverloadedError as error:
            return _failure(429, error, as_json=as_json)
        except StorageError as error:
            return _failure(503, error, as_json=as_json)
        return _answer(200, export.respond(decoded), as_json=as_json)

    return handle


def _failure(status: int, error: CoralError, *, as_json: bool) -> Response:
    response = _answer(status, to_status(error), as_json=as_json)
    if status in (429, 503):
        response.headers["Retry-After"] = _RETRY_AFTER_SECONDS
    return response


def _answer(status: int, message: Message, *, as_json: bool) -> Response:
    if as_json:
        return Response(json_format.MessageToJson(message, indent=None), status, media_type=_JSON)
    return Response(message.SerializeToString(), status, media_type=_PROTOBUF)
