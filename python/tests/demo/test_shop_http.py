"""The shop's instrumented HTTP: routes, status, context between services, semantic conventions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics.export import Histogram, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from coral.demo.shop.database import Database, SqlValue
from coral.demo.shop.http import Json, Request, Response, Route, ServiceClient, ServiceServer
from coral.demo.shop.telemetry import Telemetry


class _Recorded:
    """Telemetry of one service that stays in memory."""

    def __init__(self, service: str) -> None:
        self.exporter = InMemorySpanExporter()
        self.metrics = InMemoryMetricReader()
        self.telemetry = Telemetry(
            service, span_processors=[SimpleSpanProcessor(self.exporter)], metric_reader=self.metrics
        )

    def span(self, kind: SpanKind) -> ReadableSpan:
        (found,) = [span for span in self.exporter.get_finished_spans() if span.kind is kind]
        return found


@contextmanager
def _serving(recorded: _Recorded, *routes: Route) -> Iterator[ServiceServer]:
    server = ServiceServer(recorded.telemetry, routes)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _call(
    caller: _Recorded, server: ServiceServer, method: str, path: str, body: Json | None = None
) -> Response:
    client = ServiceClient(caller.telemetry, server)
    try:
        return client.call(method, path, body)
    finally:
        client.close()


def _show(request: Request) -> Response:
    return Response(200, {"id": request.path_params["id"], "got": request.body})


def _fail(_request: Request) -> Response:
    raise ValueError("the price changed")


@pytest.fixture
def recorded() -> Iterator[tuple[_Recorded, _Recorded]]:
    caller, callee = _Recorded("caller"), _Recorded("callee")
    with ExitStack() as stack:
        stack.callback(caller.telemetry.shutdown)
        stack.callback(callee.telemetry.shutdown)
        yield caller, callee


def test_a_call_is_one_trace_over_two_services(recorded: tuple[_Recorded, _Recorded]) -> None:
    caller, callee = recorded
    with _serving(callee, Route("POST", "/things/{id}", _show)) as server:
        response = _call(caller, server, "POST", "/things/7", {"a": 1})

    assert response == Response(200, {"id": "7", "got": {"a": 1}})
    client, served = caller.span(SpanKind.CLIENT), callee.span(SpanKind.SERVER)
    assert client.context is not None
    assert served.context is not None
    assert served.parent is not None
    assert served.context.trace_id == client.context.trace_id
    assert served.parent.span_id == client.context.span_id
    assert served.resource.attributes["service.name"] == "callee"
    assert client.resource.attributes["service.name"] == "caller"


def test_server_spans_follow_the_conventions(recorded: tuple[_Recorded, _Recorded]) -> None:
    caller, callee = recorded
    with _serving(callee, Route("GET", "/things/{id}", _show)) as server:
        _call(caller, server, "GET", "/things/7")
        port = server.port

    served = callee.span(SpanKind.SERVER)
    assert served.name == "GET /things/{id}"
    assert served.status.status_code is StatusCode.UNSET
    assert dict(served.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/things/{id}",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "url.path": "/things/7",
        "server.address": "127.0.0.1",
        "server.port": port,
        "client.address": "127.0.0.1",
        "network.protocol.version": "1.1",
        "user_agent.original": "caller/1.0.0",
    }


def test_durations_are_measured_on_both_sides(recorded: tuple[_Recorded, _Recorded]) -> None:
    caller, callee = recorded
    with _serving(callee, Route("GET", "/things/{id}", _show)) as server:
        _call(caller, server, "GET", "/things/7")

    assert _histograms(caller) == {"http.client.request.duration": ("s", 1)}
    assert _histograms(callee) == {"http.server.request.duration": ("s", 1)}


def test_an_exception_is_a_failed_request(recorded: tuple[_Recorded, _Recorded]) -> None:
    caller, callee = recorded
    with _serving(callee, Route("GET", "/things", _fail)) as server:
        response = _call(caller, server, "GET", "/things")

    assert response == Response(500, {"error": "the price changed"})
    served, client = callee.span(SpanKind.SERVER), caller.span(SpanKind.CLIENT)
    assert served.status.status_code is StatusCode.ERROR
    assert served.status.description == "the price changed"
    assert [event.name for event in served.events] == ["exception"]
    assert (served.attributes or {})["error.type"] == "500"
    assert client.status.status_code is StatusCode.ERROR


def test_an_unknown_path_is_404_and_no_server_error(recorded: tuple[_Recorded, _Recorded]) -> None:
    caller, callee = recorded
    with _serving(callee, Route("GET", "/things", _show)) as server:
        response = _call(caller, server, "GET", "/other")

    assert response.status == 404
    assert callee.span(SpanKind.SERVER).status.status_code is StatusCode.UNSET


def test_a_statement_is_a_client_span(tmp_path: Path, recorded: tuple[_Recorded, _Recorded]) -> None:
    caller, _ = recorded

    def twice(value: SqlValue) -> SqlValue:
        assert isinstance(value, int)
        return value * 2

    database = Database(
        tmp_path / "db", caller.telemetry, "CREATE TABLE things (id INTEGER);", {"twice": twice}
    )
    try:
        database.run("INSERT", "things", "INSERT INTO things VALUES (?)", (21,))
        assert database.run("SELECT", "things", "SELECT twice(id) FROM things") == [(42,)]
    finally:
        database.close()

    insert, select = caller.exporter.get_finished_spans()
    assert (insert.name, select.name) == ("INSERT things", "SELECT things")
    assert dict(select.attributes or {}) == {
        "db.system.name": "sqlite",
        "db.namespace": "caller",
        "db.operation.name": "SELECT",
        "db.collection.name": "things",
        "db.query.text": "SELECT twice(id) FROM things",
        "db.query.summary": "SELECT things",
    }


def _histograms(recorded: _Recorded) -> dict[str, tuple[str, int]]:
    found = recorded.metrics.get_metrics_data()
    assert found is not None
    (scope,) = found.resource_metrics[0].scope_metrics
    return {
        metric.name: (metric.unit or "", sum(point.count for point in metric.data.data_points))
        for metric in scope.metrics
        if isinstance(metric.data, Histogram)
    }
