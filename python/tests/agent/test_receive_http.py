from __future__ import annotations

import asyncio
import contextlib
import gzip
import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from coral.agent.ingest import Ingest
from coral.agent.receive.otlp_http import otlp_app
from coral.agent.server import HttpServer
from coral.clock import FixedClock
from coral.limits import MAX_OTLP_BODY_BYTES
from coral.serve.listen import listen_tcp
from coral.store.duckdb.store import DuckDBStore
from tests.agent.otlp import span, traces

PROTOBUF = {"content-type": "application/x-protobuf"}


@dataclass(frozen=True)
class Answer:
    status_code: int
    headers: dict[str, str]
    content: bytes


class Client:
    """Speaks HTTP to a real server."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address

    def post(self, path: str, *, content: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        return self.send("POST", path, content, headers or {})

    def send(self, method: str, path: str, content: bytes, headers: dict[str, str]) -> Answer:
        with contextlib.closing(http.client.HTTPConnection(*self._address, timeout=30)) as connection:
            connection.request(method, path, content, headers)
            response = connection.getresponse()
            lowered = {key.lower(): value for key, value in response.getheaders()}
            return Answer(response.status, lowered, response.read())


@pytest.fixture
def client(store: DuckDBStore, clock: FixedClock) -> Iterator[Client]:
    opened = listen_tcp("127.0.0.1:0")
    app = otlp_app(Ingest(store, agent_id="a1", clock=clock))
    server = HttpServer(uvicorn.Config(app, log_level="warning", lifespan="off", access_log=False))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[opened])))
    thread.start()
    yield Client(opened.getsockname())
    server.should_exit = True
    thread.join()
    opened.close()


def stored(store: DuckDBStore) -> Any:
    return store.query("SELECT count(*) FROM spans", since={"spans": None})[0][0]


def test_an_answered_request_is_stored(client: Client, store: DuckDBStore) -> None:
    response = client.post("/v1/traces", content=traces([span(0)]).SerializeToString(), headers=PROTOBUF)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/x-protobuf"
    assert stored(store) == 1


def test_gzip_is_understood(client: Client, store: DuckDBStore) -> None:
    body = gzip.compress(traces([span(i) for i in range(100)]).SerializeToString())
    response = client.post("/v1/traces", content=body, headers={**PROTOBUF, "content-encoding": "gzip"})
    assert (response.status_code, stored(store)) == (200, 100)


def test_refused_spans_are_told_and_the_others_stored(client: Client, store: DuckDBStore) -> None:
    request = traces([span(0), Span(name="bad")])
    response = client.post("/v1/traces", content=request.SerializeToString(), headers=PROTOBUF)
    answer = ExportTraceServiceResponse.FromString(response.content)
    assert answer.partial_success.rejected_spans == 1
    assert "'bad'" in answer.partial_success.error_message
    assert stored(store) == 1


def test_json_is_answered_in_json(client: Client) -> None:
    response = client.post(
        "/v1/traces", content=b"{}", headers={"content-type": "application/json; charset=utf-8"}
    )
    assert (response.status_code, json.loads(response.content)) == (200, {})
    bad = client.post("/v1/traces", content=b"{", headers={"content-type": "application/json"})
    assert bad.status_code == 400
    assert "not OTLP/JSON" in json.loads(bad.content)["message"]


@pytest.mark.parametrize(
    ("content", "headers", "status", "word"),
    [
        (b"\xff\xff", PROTOBUF, 400, "not an ExportTraceServiceRequest"),
        (b"", {"content-type": "text/plain"}, 415, "content-type"),
        (b"x", {**PROTOBUF, "content-encoding": "br"}, 415, "content-encoding"),
        (b"not gzip", {**PROTOBUF, "content-encoding": "gzip"}, 400, "not gzip"),
        (gzip.compress(b"abc")[:-9], {**PROTOBUF, "content-encoding": "gzip"}, 400, "cut short"),
        (gzip.compress(bytes(MAX_OTLP_BODY_BYTES + 1)), {**PROTOBUF, "content-encoding": "gzip"}, 413, "MAX_OTLP_BODY_BYTES"),
        (bytes(MAX_OTLP_BODY_BYTES + 1), PROTOBUF, 413, "MAX_OTLP_BODY_BYTES"),
    ],
)  # fmt: skip
def test_bad_requests_get_a_status_that_says_why(
    client: Client, store: DuckDBStore, content: bytes, headers: dict[str, str], status: int, word: str
) -> None:
    response = client.post("/v1/traces", content=content, headers=headers)
    assert response.status_code == status
    assert word in Status.FromString(response.content).message
    assert stored(store) == 0


def test_a_closed_store_is_answered_as_retryable(client: Client, store: DuckDBStore) -> None:
    store.close()
    response = client.post("/v1/traces", content=traces([span(0)]).SerializeToString(), headers=PROTOBUF)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")


def test_other_paths_and_methods(client: Client) -> None:
    assert client.send("GET", "/v1/traces", b"", {}).status_code == 405
    assert client.post("/v2/traces").status_code == 404
    assert client.send("GET", "/healthz", b"", {}).content == b"ok\n"
