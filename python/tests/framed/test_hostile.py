"""Scripts that break the rules of frames: nothing of theirs outlives them, and others are served."""

from __future__ import annotations

import asyncio
import random
import socket
import stat
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest

from coral._proto.colony.v1 import query_pb2 as pb
from coral._proto.sdk.v1 import runtime_pb2 as frames
from coral.errors import ListenError
from coral.framed_limits import MAX_REQUEST_FRAME_BYTES
from coral.limits import MAX_QUERY_REQUEST_BYTES
from coral.serve.framed import Endpoint, FramedBounds, FramedServer, FramedStatistics
from tests.framed.servers import BATCH_BYTES, WAIT_SECONDS, Behaviour, FramedClient, framed

BOUNDS = FramedBounds(connections=4, calls=8, hello_seconds=0.3, arrival_seconds=0.3)


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour()


@pytest.fixture
def served(behaviour: Behaviour) -> Iterator[tuple[FramedServer, Endpoint]]:
    with framed(behaviour, bounds=BOUNDS) as pair:
        yield pair


def until(server: FramedServer, holds: Callable[[FramedStatistics], bool]) -> FramedStatistics:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds(figures := server.statistics()):
        assert time.monotonic() < deadline, figures
        time.sleep(0.005)
    return figures


def honest(endpoint: Endpoint) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        client = FramedClient(endpoint.path, endpoint.token)
        try:
            assert client.unary("ListServices", b"")[0] == 0
            return
        except ConnectionError:  # those before it, which have gone, were not all taken yet: there is no room
            assert time.monotonic() < deadline
        finally:
            client.close()


def connect(endpoint: Endpoint) -> socket.socket:
    opened = socket.socket(socket.AF_UNIX)
    opened.settimeout(WAIT_SECONDS)
    opened.connect(str(endpoint.path))
    return opened


def last_words(client: socket.socket) -> frames.ResponseFrame:
    data = b""
    while part := client.recv(1 << 16):
        data += part
    (length,) = struct.unpack(">I", data[:4])
    return frames.ResponseFrame.FromString(data[4 : 4 + length])


def test_a_run_has_a_directory_and_a_token_of_its_own(behaviour: Behaviour) -> None:
    with framed(behaviour) as (_, endpoint):
        directory = endpoint.path.parent
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert stat.S_IMODE(endpoint.path.stat().st_mode) == 0o600
        assert len(endpoint.token) >= 40
    assert not directory.exists()


@pytest.mark.parametrize("token", ["", "wrong", "ü" * 40])
def test_a_connection_without_the_token_is_refused_and_runs_nothing(
    served: tuple[FramedServer, Endpoint], behaviour: Behaviour, token: str
) -> None:
    server, endpoint = served
    client = FramedClient(endpoint.path, token)
    client.call("GetErrorRate", b"")
    end = client.read()
    assert (end.call_id, end.end.code) == (0, grpc.StatusCode.UNAUTHENTICATED.value[0])
    with pytest.raises(EOFError):
        client.read()
    assert behaviour.events == []
    client.close()
    honest(endpoint)
    assert until(server, lambda now: now.connections == 0).ended == {"UNAUTHENTICATED": 1, "OK": 1}


def test_a_token_is_not_taken_from_anything_but_a_call(served: tuple[FramedServer, Endpoint]) -> None:
    _, endpoint = served
    client = FramedClient(endpoint.path, endpoint.token)
    client.send(frames.RequestFrame(call_id=1, cancel=frames.Cancel()))
    assert client.read().end.code == grpc.StatusCode.UNAUTHENTICATED.value[0]
    client.close()


@pytest.mark.parametrize("length", [MAX_REQUEST_FRAME_BYTES + 1, 2**31, 2**32 - 1])
def test_a_huge_length_ends_the_connection_before_anything_is_read(
    served: tuple[FramedServer, Endpoint], length: int
) -> None:
    server, endpoint = served
    with connect(endpoint) as client:
        client.sendall(struct.pack(">I", length))
        assert "MAX_REQUEST_FRAME_BYTES" in last_words(client).end.message
    until(server, lambda now: now.connections == 0)
    honest(endpoint)


@pytest.mark.parametrize("begun", [b"", b"\0", struct.pack(">I", 1000), struct.pack(">I", 1000) + b"x" * 999])
def test_half_a_frame_ends_the_connection_in_time(
    served: tuple[FramedServer, Endpoint], begun: bytes
) -> None:
    server, endpoint = served
    with connect(endpoint) as client:
        client.sendall(begun)
        assert last_words(client).end.code == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
    until(server, lambda now: now.connections == 0)


def test_half_a_frame_after_good_ones_ends_the_connection_and_its_calls(
    served: tuple[FramedServer, Endpoint], behaviour: Behaviour
) -> None:
    server, endpoint = served
    client = FramedClient(endpoint.path, endpoint.token)
    client.call("GetErrorRate", b"")
    behaviour.wait_for("begun")
    client.socket.sendall(b"\0\0")
    behaviour.wait_for("ended")
    until(server, lambda now: now.connections == now.calls == 0)
    client.close()


def test_an_idle_connection_stays(served: tuple[FramedServer, Endpoint], behaviour: Behaviour) -> None:
    _, endpoint = served
    client = FramedClient(endpoint.path, endpoint.token)
    assert client.unary("ListServices", b"")[0] == 0
    with connect(
        endpoint
    ) as other:  # its end, after BOUNDS.hello_seconds, says that as much time has gone by
        assert last_words(other).end.code == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
    assert client.unary("ListServices", b"")[0] == 0
    client.close()


def test_connections_are_bounded(served: tuple[FramedServer, Endpoint]) -> None:
    server, endpoint = served
    clients = [FramedClient(endpoint.path, endpoint.token) for _ in range(BOUNDS.connections)]
    for client in clients:
        assert client.unary("ListServices", b"")[0] == 0
    with connect(endpoint) as more:
        try:
            assert more.recv(1) == b""
        except ConnectionResetError:
            pass  # another way to see that it was closed
    assert until(server, lambda now: now.refused_connections == 1).connections == BOUNDS.connections
    for client in clients:
        client.close()
    until(server, lambda now: now.connections == 0)
    honest(endpoint)


def test_calls_under_way_are_bounded_over_all_connections(
    served: tuple[FramedServer, Endpoint], behaviour: Behaviour
) -> None:
    server, endpoint = served
    clients = [FramedClient(endpoint.path, endpoint.token) for _ in range(2)]
    for number in range(BOUNDS.calls):
        clients[number % 2].call("GetErrorRate", b"")
    until(server, lambda now: now.calls == BOUNDS.calls)
    code, message, _, _ = clients[0].unary("ListServices", b"")
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    assert "MAX_FRAMED_CALLS is 8" in message
    for client in clients:
        client.close()
    until(server, lambda now: now.calls == 0)
    honest(endpoint)


def test_a_call_id_cannot_be_used_twice_at_once(served: tuple[FramedServer, Endpoint]) -> None:
    _, endpoint = served
    client = FramedClient(endpoint.path, endpoint.token)
    call = frames.Call(method="coral.colony.v1.QueryService/GetErrorRate", token=endpoint.token)
    client.send(frames.RequestFrame(call_id=7, call=call))
    client.send(frames.RequestFrame(call_id=7, call=call))
    assert client.of_call(0).end.message == "call 7 is under way already"
    client.close()


def test_a_request_beyond_the_limit_fails_alone(served: tuple[FramedServer, Endpoint]) -> None:
    _, endpoint = served
    client = FramedClient(endpoint.path, endpoint.token)
    code, message, _, _ = client.unary("ListServices", bytes(MAX_QUERY_REQUEST_BYTES + 1))
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    assert "MAX_QUERY_REQUEST_BYTES" in message
    assert client.unary("ListServices", b"")[0] == 0
    client.close()


def test_a_clock_of_the_callers_is_refused_where_the_data_are_live(
    served: tuple[FramedServer, Endpoint],
) -> None:
    _, endpoint = served
    client = FramedClient(endpoint.path, endpoint.token)
    call = frames.Call(method="coral.colony.v1.QueryService/ListServices", token=endpoint.token)
    call.now.FromSeconds(1_700_000_000)
    client.send(frames.RequestFrame(call_id=1, call=call))
    assert client.of_call(1).end.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    client.close()


def test_a_reader_that_stops_is_not_read_from_and_costs_bounded_memory(
    served: tuple[FramedServer, Endpoint], behaviour: Behaviour
) -> None:
    server, endpoint = served
    client = FramedClient(endpoint.path, endpoint.token)
    client.socket.setblocking(False)
    request = pb.ListServicesRequest(page_token="x" * (128 << 10)).SerializeToString()
    call = frames.Call(
        method="coral.colony.v1.QueryService/ListServices", token=endpoint.token, request=request
    )
    sent = 0
    try:
        for number in range(1, 2_000):
            encoded = frames.RequestFrame(call_id=number, call=call).SerializeToString()
            sent += client.socket.send(struct.pack(">I", len(encoded)) + encoded)
    except BlockingIOError:
        pass
    assert sent < 64 << 20
    client.close()
    until(server, lambda now: now.connections == now.calls == 0)
    honest(endpoint)


def test_credit_that_is_nonsense_changes_nothing(
    served: tuple[FramedServer, Endpoint], behaviour: Behaviour
) -> None:
    _, endpoint = served
    client = FramedClient(endpoint.path, endpoint.token)
    query = pb.ExecuteQueryRequest(sql="count", max_rows=10_000).SerializeToString()
    call_id = client.call("ExecuteQuery", query, credit=1)
    behaviour.wait_for("begun")
    for amount in (-(2**62), 0, -1):
        client.send(frames.RequestFrame(call_id=call_id, credit=frames.Credit(bytes=amount)))
    client.send(frames.RequestFrame(call_id=99, credit=frames.Credit(bytes=1 << 40)))
    assert client.unary("ListServices", b"")[0] == 0
    assert behaviour.sent <= 1
    client.send(frames.RequestFrame(call_id=call_id, credit=frames.Credit(bytes=3 * BATCH_BYTES)))
    behaviour.wait_for("sent 3")
    client.close()
    behaviour.wait_for("ended")


@pytest.mark.parametrize("seed", range(40))
def test_noise_never_harms_others(served: tuple[FramedServer, Endpoint], seed: int) -> None:
    server, endpoint = served
    dice = random.Random(seed)
    for _ in range(10):
        with connect(endpoint) as client:
            try:
                for _ in range(dice.randrange(1, 6)):
                    client.sendall(_noise(dice, endpoint))
                if dice.random() < 0.5:
                    client.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused already
    until(server, lambda now: now.connections == now.calls == 0)
    honest(endpoint)


def _noise(dice: random.Random, endpoint: Endpoint) -> bytes:
    kind = dice.randrange(4)
    if kind == 0:
        return dice.randbytes(dice.randrange(1, 5_000))
    call = frames.Call(
        method=dice.choice(["coral.colony.v1.QueryService/ListServices", "x/y", "", "\0"]),
        request=dice.randbytes(dice.randrange(200)),
        token=dice.choice([endpoint.token, "no"]),
        timeout_ms=dice.choice([0, 1, -5, 2**62]),
        credit_bytes=dice.choice([0, 1, -5, 2**62]),
    )
    good = frames.RequestFrame(call_id=dice.randrange(4), call=call).SerializeToString()
    if kind == 1:
        return struct.pack(">I", len(good)) + good
    changed = bytearray(good)
    for _ in range(dice.randrange(1, 8)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    if kind == 2:
        return struct.pack(">I", len(changed)) + bytes(changed)
    return struct.pack(">I", len(changed) + dice.randrange(-3, 4)) + bytes(changed)


def test_a_path_that_is_too_long_is_named(tmp_path: Path) -> None:
    async def opened() -> None:
        async with FramedServer() as server:
            await server.open(tmp_path / ("x" * 120), caller="test")

    with pytest.raises(ListenError, match="more than 107"):
        asyncio.run(opened())
