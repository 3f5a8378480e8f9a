"""A colony's two ports: what is served where, what is refused, and what scripts reach."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from coral._proto.colony.v1 import fleet_pb2, fleet_pb2_grpc, query_pb2, query_pb2_grpc, status_pb2_grpc
from coral._proto.colony.v1.status_pb2 import GetFleetPortRequest
from coral.colony.listening import default_fleet_address
from coral.errors import ListenError
from coral.limits import MAX_FLEET_MESSAGE_BYTES, MAX_QUERY_REQUEST_BYTES
from coral.testing.processes import Colony, run_coral, start_colony
from tests.colony.fleet_client import FleetStream

SERVING = health_pb2.HealthCheckResponse.SERVING


@pytest.fixture(scope="module")
def colony(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Colony]:
    with start_colony(tmp_path_factory.mktemp("colony")) as started:
        yield started


def connect(address: str) -> grpc.RpcError:
    """The error of a stream that says hello at an address."""
    hello = fleet_pb2.AgentHello(agent_id="mallory", epoch="e")
    with grpc.insecure_channel(address) as channel:
        stub = fleet_pb2_grpc.FleetServiceStub(channel)
        call = stub.Connect(iter([fleet_pb2.ConnectRequest(hello=hello)]), timeout=20)
        with pytest.raises(grpc.RpcError) as caught:
            list(call)
    return caught.value


def health(address: str, service: str) -> int:
    with grpc.insecure_channel(address) as channel:
        request = health_pb2.HealthCheckRequest(service=service)
        return int(health_pb2_grpc.HealthStub(channel).Check(request, timeout=20).status)


def test_agents_are_not_served_where_scripts_reach(colony: Colony) -> None:
    error = connect(colony.grpc)
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert error.details().startswith(
        f"agents are served at port {colony.fleet.rpartition(':')[2]}, not here"
    )


def test_queries_are_not_served_to_agents(colony: Colony) -> None:
    with grpc.insecure_channel(colony.fleet) as channel, pytest.raises(grpc.RpcError) as caught:
        query_pb2_grpc.QueryServiceStub(channel).ListServices(query_pb2.ListServicesRequest(), timeout=20)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_the_query_port_tells_the_other_one(colony: Colony) -> None:
    with grpc.insecure_channel(colony.grpc) as channel:
        answer = status_pb2_grpc.StatusServiceStub(channel).GetFleetPort(GetFleetPortRequest(), timeout=20)
    assert colony.fleet == f"127.0.0.1:{answer.port}"
    assert colony.fleet != colony.grpc
    with FleetStream(f"127.0.0.1:{answer.port}") as agent:
        assert agent.welcome() == 0


def test_each_port_has_its_health(colony: Colony) -> None:
    assert health(colony.grpc, "") == SERVING
    assert health(colony.grpc, "coral.colony.v1.QueryService") == SERVING
    assert health(colony.fleet, "") == SERVING
    assert health(colony.fleet, "coral.colony.v1.FleetService") == SERVING


@pytest.mark.parametrize("extra", [0, MAX_FLEET_MESSAGE_BYTES // 2])
def test_a_large_request_is_refused_with_the_limit(colony: Colony, extra: int) -> None:
    request = query_pb2.ListServicesRequest(page_token="x" * (MAX_QUERY_REQUEST_BYTES + extra))
    with grpc.insecure_channel(colony.grpc) as channel, pytest.raises(grpc.RpcError) as caught:
        query_pb2_grpc.QueryServiceStub(channel).ListServices(request, timeout=20)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert str(MAX_QUERY_REQUEST_BYTES) in caught.value.details()


def test_large_messages_that_are_never_finished_take_no_memory(colony: Colony) -> None:
    """As hostile scripts send them: the head declares 30 MB, and most of them follow."""
    process = psutil.Process(colony.child.pid)
    before = process.memory_info().rss
    size = 30 * 1024 * 1024
    with socket.create_connection(tuple_of(colony.grpc)) as opened:
        opened.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b""))
        for stream in range(1, 61, 2):
            opened.sendall(frame(1, 0x4, stream, LIST_SERVICES_HEADERS))
            opened.sendall(frame(0, 0, stream, b"\0" + size.to_bytes(4, "big") + bytes(2_000)))
        # The window of each stream is as large as the message that the server takes; it is none here.
        answered = b""
        while answered.count(b"Received message larger than max") < 30:
            received = opened.recv(65_536)
            assert received, answered
            answered += received
    assert process.memory_info().rss - before < size


def tuple_of(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """One frame of HTTP/2 (RFC 9113, 4.1)."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def literal(name: str, value: str) -> bytes:
    """One header field, neither indexed nor compressed (RFC 7541, 6.2.2)."""
    return b"\0" + bytes((len(name),)) + name.encode() + bytes((len(value),)) + value.encode()


LIST_SERVICES_HEADERS = b"".join(
    literal(name, value)
    for name, value in (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/coral.colony.v1.QueryService/ListServices"),
        (":authority", "colony"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    )
)


def test_a_script_learns_the_port_for_agents_and_cannot_reach_it(colony: Colony, tmp_path: Path) -> None:
    host, port = tuple_of(colony.fleet)
    script = tmp_path / "script.ts"
    script.write_text(
        f"""
import net from "node:net";
import http2 from "node:http2";
const names: string[] = [];
const named = (error: unknown) => names.push((error as Error).name);
await Deno.connect({{ hostname: "{host}", port: {port} }}).catch(named);
await fetch("http://{host}:{port}/").catch(named);
for (const open of [() => net.connect({port}, "{host}"), () => http2.connect("http://{host}:{port}")]) {{
  await new Promise((done) => {{
    try {{
      const opened = open();
      opened.on("connect", () => (names.push("CONNECTED"), done(0)));
      opened.on("error", (error: Error) => (named(error), done(0)));
    }} catch (error) {{
      named(error);
      done(0);
    }}
  }});
}}
console.log(JSON.stringify(names));
Deno.exit(0);
"""
    )
    ended = run_coral("run", "--no-check", str(script), "--colony", colony.grpc)
    assert ended.returncode == 0, ended.stderr
    names = json.loads(ended.stdout)
    assert names[:2] == ["NotCapable", "NotCapable"]
    assert len(names) == 4
    assert "CONNECTED" not in names


def test_a_busy_port_for_agents_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run_coral(
            *("colony", "start", "--no-config", "--listen", "127.0.0.1:0", "--fleet-listen", address),
            *("--metrics", "off", "--data", str(tmp_path / "colony")),
        )
    assert (ended.returncode, ended.stdout) == (ListenError.exit_code, "")
    assert f"error: cannot listen on {address}: Address already in use\n" in ended.stderr
    assert "Choose another one by --fleet-listen, or port 0 for a free one\n" in ended.stderr


@pytest.mark.parametrize(
    ("listen", "fleet"),
    [
        ("127.0.0.1:9000", "127.0.0.1:9001"),
        ("0.0.0.0:4000", "0.0.0.0:9001"),
        ("[::1]:9000", "[::1]:9001"),
        ("127.0.0.1:0", "127.0.0.1:0"),
    ],
)
def test_agents_are_served_beside_queries_by_default(listen: str, fleet: str) -> None:
    assert default_fleet_address(listen) == fleet
