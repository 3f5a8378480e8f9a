"""A servicer with known behaviour, served by both transports, and clients that speak them by hand."""

from __future__ import annotations

import asyncio
import socket
import struct
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import grpc

from coral._proto.colony.v1 import query_pb2 as pb
from coral._proto.colony.v1 import query_pb2_grpc
from coral._proto.sdk.v1 import runtime_pb2 as frames
from coral.errors import NoDataError, OverloadedError
from coral.serve.framed import Endpoint, FramedBounds, FramedServer
from coral.serve.listen import GrpcServer
from coral.wire.status import DETAILS_KEY, abort

SERVICE = "coral.colony.v1.QueryService"
WAIT_SECONDS = 20.0
BATCH_BYTES = 64 * 1024
OPEN: list[socket.socket] = []
"""Sockets of clients; a fixture closes them after each test, however it ended."""


class Behaviour(query_pb2_grpc.QueryServiceServicer):
    """Answers what a test can recognise; what a call does is in its request."""

    def __init__(self) -> None:
        self.sent = 0
        self.events: list[str] = []
        self.changed = threading.Condition()

    def note(self, event: str) -> None:
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    def wait_for(self, event: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: event in self.events, WAIT_SECONDS), self.events

    async def ListServices(self, request: pb.ListServicesRequest, context: Any) -> pb.ListServicesResponse:
        return pb.ListServicesResponse(services=[pb.Service(name=request.page_token)])

    async def GetPercentile(self, request: pb.GetPercentileRequest, context: Any) -> pb.GetPercentileResponse:
        if request.service == "overload":
            await abort(context, OverloadedError("no room", hint="later"))
        if request.service == "crash":
            raise RuntimeError("a fault of ours")
        await abort(context, NoDataError("none", hint="look elsewhere", fields={"service": request.service}))

    async def GetErrorRate(self, request: pb.GetErrorRateRequest, context: Any) -> pb.GetErrorRateResponse:
        self.note("begun")
        try:
            await asyncio.Event().wait()
        finally:
            self.note("ended")
        return pb.GetErrorRateResponse()

    async def ExecuteQuery(
        self, request: pb.ExecuteQueryRequest, context: Any
    ) -> AsyncIterator[pb.ExecuteQueryResponse]:
        self.note("begun")
        try:
            for number in range(request.max_rows):
                yield batch(number)
                self.sent = number + 1
                if request.sql == "count":
                    self.note(f"sent {number + 1}")
        finally:
            self.note("ended")


def batch(number: int) -> pb.ExecuteQueryResponse:
    return pb.ExecuteQueryResponse(batch=pb.QueryBatch(arrow_batch=bytes(BATCH_BYTES), row_count=number))


class Client(Protocol):
    """One transport, from the caller's side."""

    def unary(
        self, method: str, request: bytes, *, seconds: float = WAIT_SECONDS
    ) -> tuple[int, str, bytes, bytes]:
        """The code, the message, the encoded google.rpc.Status, and the encoded answer."""
        ...

    def stream(self, request: pb.ExecuteQueryRequest) -> Stream: ...

    def cancelled(self) -> None:
        """Starts GetErrorRate, which never answers, and cancels it once it has begun."""
        ...


class Stream(Protocol):
    def __next__(self) -> pb.ExecuteQueryResponse: ...
    def cancel(self) -> None: ...


class GrpcClient:
    def __init__(self, address: str, behaviour: Behaviour) -> None:
        self._channel = grpc.insecure_channel(address)
        self._behaviour = behaviour

    def unary(
        self, method: str, request: bytes, *, seconds: float = WAIT_SECONDS
    ) -> tuple[int, str, bytes, bytes]:
        call = self._channel.unary_unary(f"/{SERVICE}/{method}", _registered_method=False)
        try:
            return 0, "", b"", call(request, timeout=seconds)
        except grpc.RpcError as error:
            trailing = dict(error.trailing_metadata() or ())
            return error.code().value[0], error.details(), trailing.get(DETAILS_KEY, b""), b""

    def stream(self, request: pb.ExecuteQueryRequest) -> Stream:
        return query_pb2_grpc.QueryServiceStub(self._channel).ExecuteQuery(request)

    def cancelled(self) -> None:
        call = query_pb2_grpc.QueryServiceStub(self._channel).GetErrorRate.future(pb.GetErrorRateRequest())
        self._behaviour.wait_for("begun")
        call.cancel()

    def close(self) -> None:
        self._channel.close()


class FramedClient:
    """Speaks frames by hand, one call after the other unless a test says otherwise."""

    def __init__(self, path: Path, token: str, behaviour: Behaviour | None = None) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        OPEN.append(self.socket)
        self.socket.settimeout(WAIT_SECONDS)
        self.socket.connect(str(path))
        self._token = token
        self._behaviour = behaviour
        self._next = 0
        self._kept: dict[int, list[frames.ResponseFrame]] = {}

    def send(self, frame: frames.RequestFrame) -> None:
        encoded = frame.SerializeToString()
        self.socket.sendall(struct.pack(">I", len(encoded)) + encoded)

    def read(self) -> frames.ResponseFrame:
        (length,) = struct.unpack(">I", self.exactly(4))
        return frames.ResponseFrame.FromString(self.exactly(length))

    def exactly(self, count: int) -> bytes:
        got = b""
        while len(got) < count:
            part = self.socket.recv(count - len(got))
            if not part:
                raise EOFError(f"the server closed after {len(got)} of {count} bytes")
            got += part
        return got

    def of_call(self, call_id: int) -> frames.ResponseFrame:
        while not self._kept.setdefault(call_id, []):
            frame = self.read()
            self._kept.setdefault(frame.call_id, []).append(frame)
        return self._kept[call_id].pop(0)

    def call(self, method: str, request: bytes, *, credit: int = 0, seconds: float = WAIT_SECONDS) -> int:
        self._next += 1
        call = frames.Call(
            method=f"{SERVICE}/{method}",
            request=request,
            token=self._token,
            timeout_ms=round(seconds * 1000),
            credit_bytes=credit,
        )
        self.send(frames.RequestFrame(call_id=self._next, call=call))
        return self._next

    def unary(
        self, method: str, request: bytes, *, seconds: float = WAIT_SECONDS
    ) -> tuple[int, str, bytes, bytes]:
        call_id = self.call(method, request, seconds=seconds)
        answer = b""
        while True:
            frame = self.of_call(call_id)
            if frame.HasField("end"):
                return frame.end.code, frame.end.message, frame.end.status_details, answer
            answer = frame.response

    def stream(self, request: pb.ExecuteQueryRequest) -> Stream:
        return FramedStream(self, self.call("ExecuteQuery", request.SerializeToString()))

    def cancelled(self) -> None:
        assert self._behaviour is not None
        call_id = self.call("GetErrorRate", b"")
        self._behaviour.wait_for("begun")
        self.send(frames.RequestFrame(call_id=call_id, cancel=frames.Cancel()))

    def close(self) -> None:
        self.socket.close()


class FramedStream:
    def __init__(self, client: FramedClient, call_id: int) -> None:
        self._client = client
        self.call_id = call_id

    def __iter__(self) -> FramedStream:
        return self

    def __next__(self) -> pb.ExecuteQueryResponse:
        frame = self._client.of_call(self.call_id)
        if frame.HasField("end"):
            assert frame.end.code == 0, frame.end
            raise StopIteration
        self._client.send(
            frames.RequestFrame(call_id=self.call_id, credit=frames.Credit(bytes=len(frame.response)))
        )
        return pb.ExecuteQueryResponse.FromString(frame.response)

    def cancel(self) -> None:
        self._client.send(frames.RequestFrame(call_id=self.call_id, cancel=frames.Cancel()))


@contextmanager
def in_thread(work: Callable[[Callable[[Any], Awaitable[None]]], Awaitable[None]]) -> Iterator[Any]:
    """Runs a server on an event loop of its own until the block ends.

    Args:
        work: Opens it, hands over what the block gets and awaits that, then closes it.
    """
    loop = asyncio.new_event_loop()
    ready: asyncio.Future[Any] | None = None
    given: list[Any] = []
    begun = threading.Event()
    stop = asyncio.Event()

    async def hand_over(value: Any) -> None:
        given.append(value)
        begun.set()
        await stop.wait()

    def run() -> None:
        try:
            loop.run_until_complete(work(hand_over))
        finally:
            begun.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready is None
    try:
        assert begun.wait(WAIT_SECONDS)
        yield given[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(WAIT_SECONDS)
        assert not thread.is_alive()
        loop.close()


@contextmanager
def framed(
    servicer: Any, *, bounds: FramedBounds | None = None, takes_time: bool = False
) -> Iterator[tuple[FramedServer, Endpoint]]:
    """Serves over a Unix socket."""

    async def work(hand_over: Callable[[Any], Awaitable[None]]) -> None:
        async with FramedServer(bounds=bounds, takes_time=takes_time) as server:
            query_pb2_grpc.add_QueryServiceServicer_to_server(servicer, server)
            # Not pytest's folder: a socket's path has 107 bytes at most.
            with tempfile.TemporaryDirectory() as parent:
                async with await server.open(Path(parent), caller="test") as endpoint:
                    await hand_over((server, endpoint))

    with in_thread(work) as served:
        yield served


@contextmanager
def over_grpc(servicer: Any) -> Iterator[str]:
    """Serves over TCP; gives the address."""

    async def work(hand_over: Callable[[Any], Awaitable[None]]) -> None:
        server = GrpcServer(max_message_bytes=32 << 20)
        query_pb2_grpc.add_QueryServiceServicer_to_server(servicer, server.server)
        address = server.listen("127.0.0.1:0")
        await server.start((SERVICE,), reflect=False)
        await hand_over(address)
        await server.stop(0.0)

    with in_thread(work) as address:
        yield address
