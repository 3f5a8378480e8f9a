"""An instrumented HTTP server and client over the standard library.

Spans, metrics and attributes follow OpenTelemetry's semantic conventions for HTTP. Context travels in
W3C `traceparent` headers, as between any two services.
"""

from __future__ import annotations

import http.client
import json
import socketserver
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from opentelemetry._logs import SeverityNumber
from opentelemetry.semconv.attributes import (
    client_attributes,
    error_attributes,
    http_attributes,
    network_attributes,
    server_attributes,
    url_attributes,
    user_agent_attributes,
)
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from coral.demo.shop.telemetry import Telemetry

CALL_TIMEOUT_SECONDS = 10.0
"""How long a service waits for another one."""

Json = dict[str, Any]
_PROPAGATOR = TraceContextTextMapPropagator()


@dataclass(frozen=True)
class Request:
    """What a handler gets."""

    path_params: Mapping[str, str]
    body: Json


@dataclass(frozen=True)
class Response:
    """What a handler answers, and what a call returns."""

    status: int
    body: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    """A method and a path template such as "/carts/{user}", with what answers it."""

    method: str
    template: str
    handler: Callable[[Request], Response]

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The path's parameters, or None when this is another route."""
        names, values = self.template.split("/"), path.split("/")
        if method != self.method or len(names) != len(values):
            return None
        params: dict[str, str] = {}
        for name, value in zip(names, values, strict=True):
            if name.startswith("{"):
                params[name.strip("{}")] = value
            elif name != value:
                return None
        return params


class ServiceServer:
    """Serves a service's routes on a free loopback port, one thread per connection."""

    def __init__(self, telemetry: Telemetry, routes: Sequence[Route]) -> None:
        self._telemetry = telemetry
        self._routes = routes
        self._durations = telemetry.duration_histogram(
            "http.server.request.duration", "Duration of HTTP server requests."
        )
        self._server = _TcpServer(("127.0.0.1", 0), self._handler_class())
        self.port: int = self._server.server_address[1]
        self.address = f"127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name=f"{telemetry.service}-http", daemon=True
        )

    def start(self) -> None:
        """Begins to answer requests."""
        self._thread.start()

    def stop(self) -> None:
        """Takes no more connections."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, method: str, path: str, body: Json, headers: Mapping[str, str], client: str) -> Response:
        """Routes one request inside its SERVER span; the span has ended when this returns."""
        route, params = self._route(method, path)
        attributes: dict[str, str | int] = {
            http_attributes.HTTP_REQUEST_METHOD: method,
            url_attributes.URL_SCHEME: "http",
            network_attributes.NETWORK_PROTOCOL_VERSION: "1.1",
        }
        if route is not None:
            attributes[http_attributes.HTTP_ROUTE] = route.template
        started = time.perf_counter()
        with self._telemetry.tracer.start_as_current_span(
            f"{method} {route.template}" if route is not None else method,
            context=_PROPAGATOR.extract(headers),
            kind=SpanKind.SERVER,
            attributes={
                **attributes,
                url_attributes.URL_PATH: path,
                server_attributes.SERVER_ADDRESS: "127.0.0.1",
                server_attributes.SERVER_PORT: self.port,
                client_attributes.CLIENT_ADDRESS: client,
                user_agent_attributes.USER_AGENT_ORIGINAL: headers.get("user-agent", ""),
            },
        ) as span:
            if route is None:
                response = Response(404, {"error": f"no route for {method} {path}"})
            else:
                try:
                    response = route.handler(Request(params, body))
                except Exception as error:
                    # A server answers 500 whatever its handler raised; the span keeps the reason.
                    span.record_exception(error)
                    self._telemetry.log(SeverityNumber.ERROR, f"{method} {path}: {error}", exception=error)
                    response = Response(500, {"error": str(error)})
            attributes[http_attributes.HTTP_RESPONSE_STATUS_CODE] = response.status
            if response.status >= 500:
                attributes[error_attributes.ERROR_TYPE] = str(response.status)
                span.set_status(Status(StatusCode.ERROR, str(response.body.get("error", ""))))
                span.set_attribute(error_attributes.ERROR_TYPE, str(response.status))
            span.set_attribute(http_attributes.HTTP_RESPONSE_STATUS_CODE, response.status)
            self._durations.record(time.perf_counter() - started, attributes)
        return response

    def _route(self, method: str, path: str) -> tuple[Route | None, dict[str, str]]:
        for route in self._routes:
            params = route.match(method, path)
            if params is not None:
                return route, params
        return None, {}

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            # Head and body leave in one packet; otherwise each answer waits for a delayed ACK.
            wbufsize = -1

            def _answer(self) -> None:
                length = int(self.headers.get("content-length", "0"))
                body: Json = json.loads(self.rfile.read(length)) if length else {}
                headers = {name.lower(): value for name, value in self.headers.items()}
                response = service.answer(self.command, self.path, body, headers, self.client_address[0])
                content = json.dumps(response.body).encode()
                self.send_response(response.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _answer  # noqa: N815 - the names that http.server looks for

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in the base class
                """Logs nothing: the spans say it."""

        return Handler


class _TcpServer(socketserver.ThreadingTCPServer):
    # http.server.HTTPServer asks DNS for the host's name when it binds, which can hang offline.
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


class ServiceClient:
    """Calls one other service; each thread keeps its own connection to it."""

    def __init__(self, telemetry: Telemetry, server: ServiceServer) -> None:
        self._telemetry = telemetry
        self._port = server.port
        self._connections = Connections("127.0.0.1", server.port)
        self._durations = telemetry.duration_histogram(
            "http.client.request.duration", "Duration of HTTP client requests."
        )

    def call(self, method: str, path: str, body: Json | None = None) -> Response:
        """Sends one request inside a CLIENT span.

        Raises:
            OSError: The other service does not answer.
        """
        attributes: dict[str, str | int] = {
            http_attributes.HTTP_REQUEST_METHOD: method,
            server_attributes.SERVER_ADDRESS: "127.0.0.1",
            server_attributes.SERVER_PORT: self._port,
        }
        started = time.perf_counter()
        with self._telemetry.tracer.start_as_current_span(
            method,
            kind=SpanKind.CLIENT,
            attributes={**attributes, url_attributes.URL_FULL: f"http://127.0.0.1:{self._port}{path}"},
        ) as span:
            headers = {"Content-Type": "application/json", "User-Agent": f"{self._telemetry.service}/1.0.0"}
            _PROPAGATOR.inject(headers)
            response = self._connections.exchange(method, path, body or {}, headers)
            attributes[http_attributes.HTTP_RESPONSE_STATUS_CODE] = response.status
            span.set_attribute(http_attributes.HTTP_RESPONSE_STATUS_CODE, response.status)
            if response.status >= 400:
                attributes[error_attributes.ERROR_TYPE] = str(response.status)
                span.set_attribute(error_attributes.ERROR_TYPE, str(response.status))
                span.set_status(StatusCode.ERROR)
            self._durations.record(time.perf_counter() - started, attributes)
        return response

    def close(self) -> None:
        """Closes the connections of all threads; call it when no call is under way any more."""
        self._connections.close()


class Connections:
    """Kept HTTP connections to one address, one for each thread that uses them."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._local = threading.local()
        self._lock = threading.Lock()
        self._all: list[http.client.HTTPConnection] = []

    def exchange(self, method: str, path: str, body: Json, headers: Mapping[str, str]) -> Response:
        """Sends one JSON request and reads its answer.

        Raises:
            OSError: The other side cannot be reached or does not answer in time.
            http.client.HTTPException: It ended the connection, or its answer is no HTTP.
        """
        connection = self._of_this_thread()
        try:
            connection.request(method, path, json.dumps(body).encode(), dict(headers))
            answer = connection.getresponse()
            return Response(answer.status, json.loads(answer.read()))
        except (OSError, http.client.HTTPException):
            # A broken connection must not be used again; the next request opens a new one.
            connection.close()
            raise

    def close(self) -> None:
        """Closes them all; call it when no request is under way any more."""
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all.clear()

    def _of_this_thread(self) -> http.client.HTTPConnection:
        existing: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if existing is None:
            existing = http.client.HTTPConnection(self._host, self._port, timeout=CALL_TIMEOUT_SECONDS)
            self._local.connection = existing
            with self._lock:
                self._all.append(existing)
        return existing
