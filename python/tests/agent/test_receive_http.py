from __future__ import annotations

import asyncio
import contextlib
import gzip
import http.client
import json
import socket
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from coral.agent.ingest import Ingest
from coral.agent.receive import http_body, http_protocol
from coral.agent.receive.otlp_http import otlp_http_config
from coral.agent.server import HttpServer
from coral.clock import FixedClock
from coral.limits import MAX_OTLP_BODY_BYTES
from coral.serve.listen import listen_tcp
from coral.store.duckdb.store import DuckDBStore
from tests.agent.otlp import span, traces

PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}


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
def client(address: tuple[str, int]) -> Client:
    return Client(address)


@pytest.fixture
def address(store: DuckDBStore, clock: FixedClock) -> Iterator[tuple[str, int]]:
    opened = listen_tcp("127.0.0.1:0")
    server = HttpServer(otlp_http_config(Ingest(store, agent_id="a1", clock=clock)))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[opened])))
    thread.start()
    yield opened.getsockname()
    server.should_exit = True
    thread.join()
    opened.close()


def stored(store: DuckDBStore, table: str = "spans") -> Any:
    return store.query(f"SELECT count(*) FROM {table}", since={table: None})[0][0]


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
        (zlib.compress(b"x"), {**PROTOBUF, "content-encoding": "deflate"}, 415, "content-encoding"),
        (b"", {**PROTOBUF, "content-encoding": "gzip"}, 400, "cut short"),
        (gzip.compress(b"") + b"rest", {**PROTOBUF, "content-encoding": "gzip"}, 400, "not gzip"),
        (gzip.compress(b"") * 1001, {**PROTOBUF, "content-encoding": "gzip"}, 400, "1000 members"),
        (gzip.compress(bytes(2**20)) * 17, {**PROTOBUF, "content-encoding": "gzip"}, 413, "MAX_OTLP_BODY_BYTES"),
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


@pytest.mark.parametrize("members", [2, 5])
def test_gzip_of_several_members_is_one_body(client: Client, store: DuckDBStore, members: int) -> None:
    body = traces([span(i) for i in range(500)]).SerializeToString()
    size = len(body) // members + 1
    parts = [gzip.compress(body[at : at + size]) for at in range(0, len(body), size)]
    content = b"".join(parts) + bytes(8)  # padding, as tape drives leave it
    response = client.post("/v1/traces", content=content, headers={**PROTOBUF, "content-encoding": "gzip"})
    assert (response.status_code, stored(store)) == (200, 500)


def one_log(**record: Any) -> bytes:
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode()


def test_logs_and_metrics_come_by_both_encodings(client: Client, store: DuckDBStore) -> None:
    logs = ExportLogsServiceRequest()
    logs.resource_logs.add().scope_logs.add().log_records.add(severity_number=9)
    assert client.post("/v1/logs", content=logs.SerializeToString(), headers=PROTOBUF).status_code == 200
    assert client.post("/v1/logs", content=one_log(severityNumber=17), headers=JSON).status_code == 200
    point = {"timeUnixNano": "1790000000000000000", "asInt": "7"}
    document = {
        "resourceMetrics": [
            {"scopeMetrics": [{"metrics": [{"name": "g", "gauge": {"dataPoints": [point]}}]}]}
        ]
    }
    assert client.post("/v1/metrics", content=json.dumps(document).encode(), headers=JSON).status_code == 200
    assert (stored(store, "logs"), stored(store, "metrics")) == (2, 1)
    sql = "SELECT severity FROM otel_logs_local ORDER BY severity_number"
    assert store.query(sql, since={"logs": None}) == [("INFO",), ("ERROR",)]


def test_refusals_are_told_in_the_encoding_of_the_request(client: Client) -> None:
    response = client.post("/v1/logs", content=one_log(timeUnixNano=str(2**63 + 1)), headers=JSON)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    told = json.loads(response.content)["partialSuccess"]
    assert told["rejectedLogRecords"] == "1"
    assert "expected nanoseconds since 1970" in told["errorMessage"]
    bad = client.post("/v1/logs", content=one_log(timeUnixNano="one"), headers=JSON)
    assert bad.status_code == 400
    assert json.loads(bad.content)["details"][0]["reason"] == "INVALID_ARGUMENT"


def test_a_body_that_says_that_it_is_too_large_is_not_read(address: tuple[str, int]) -> None:
    head = f"content-type: application/x-protobuf\r\ncontent-length: {MAX_OTLP_BODY_BYTES + 1}"
    assert talk(address, f"POST /v1/traces HTTP/1.1\r\nhost: a\r\n{head}\r\n\r\n".encode()).startswith(
        b"HTTP/1.1 413"
    )


def test_without_room_for_bodies_the_client_is_asked_to_come_back(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_body, "MAX_HTTP_BODIES_BYTES", 10)
    response = client.post("/v1/traces", content=traces([span(0)]).SerializeToString(), headers=PROTOBUF)
    assert (response.status_code, response.headers["retry-after"]) == (429, "1")
    assert "MAX_HTTP_BODIES_BYTES" in Status.FromString(response.content).message
    monkeypatch.undo()
    again = client.post("/v1/traces", content=traces([span(0)]).SerializeToString(), headers=PROTOBUF)
    assert again.status_code == 200


def test_a_body_that_does_not_come_is_ended_as_retryable(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_body, "HTTP_BODY_SECONDS", 0.05)
    head = "content-type: application/x-protobuf\r\ncontent-length: 10"
    answer = talk(address, f"POST /v1/traces HTTP/1.1\r\nhost: a\r\n{head}\r\n\r\nabc".encode())
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 1" in answer.lower()


@pytest.mark.parametrize("sent", [b"", b"POST /v1/traces HTTP/1.1\r\nhost: a\r\nx-slow: "])
def test_a_head_that_does_not_come_ends_the_connection(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(http_protocol, "HTTP_HEADER_SECONDS", 0.05)
    assert talk(address, sent).startswith(b"HTTP/1.1 408")


def test_a_head_without_end_is_refused(address: tuple[str, int]) -> None:
    head = b"POST /v1/traces HTTP/1.1\r\n" + b"x-more: again and again\r\n" * 20_000
    assert talk(address, head).startswith(b"HTTP/1.1 431")


def test_a_connection_is_kept_for_more_requests(address: tuple[str, int], store: DuckDBStore) -> None:
    with contextlib.closing(http.client.HTTPConnection(*address, timeout=30)) as connection:
        for number in range(5):
            connection.request("POST", "/v1/traces", traces([span(number)]).SerializeToString(), PROTOBUF)
            assert connection.getresponse().read() == b""
    assert stored(store) == 5


def talk(address: tuple[str, int], sent: bytes) -> bytes:
    """What a server answers to raw bytes, until it closes or has answered once."""
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(sent)
        answer = b""
        while b"\r\n\r\n" not in answer and (more := connection.recv(65536)):
            answer += more
        return answer
