"""One connection of a script: its calls, which run side by side."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError

from coral._proto.sdk.v1 import runtime_pb2 as pb
from coral.clock import as_of
from coral.errors import CoralError, LimitError, OverloadedError, UsageError
from coral.framed_limits import (
    FRAMED_ARRIVAL_SECONDS,
    FRAMED_CALL_CEILING_SECONDS,
    FRAMED_CALL_SECONDS,
    FRAMED_HELLO_SECONDS,
    MAX_FRAMED_CALLS,
    MAX_FRAMED_CONNECTIONS,
    MAX_FRAMED_UNSENT_BYTES,
)
from coral.limits import MAX_QUERY_REQUEST_BYTES
from coral.serve.framed.context import Aborted, CallContext
from coral.serve.framed.credit import Credit
from coral.serve.framed.frames import encode, read_frame
from coral.wire.status import to_code, to_status
from coral.wire.times import from_timestamp

_log = logging.getLogger(__name__)

Count = Callable[[str], None]
"""Counts an end, by the name of its gRPC code."""

Admit = Callable[[str, str], None]
"""Lets a call with a token (first) of a method through, and notes who calls; raises `CoralError` if not."""

Observe = Callable[[str, str, float], None]
"""Told of the end of a call: its method, the name of its gRPC code, its seconds."""


@dataclass(frozen=True)
class FramedBounds:
    """What one run may take of a server.

    Attributes:
        connections: Open at once.
        calls: Under way at once, on all of its connections.
        calls_limit: What that limit is called.
        hello_seconds: Time for a connection's first frame to arrive.
        arrival_seconds: Time for a frame that has begun to arrive.
    """

    connections: int = MAX_FRAMED_CONNECTIONS
    calls: int = MAX_FRAMED_CALLS
    calls_limit: str = "MAX_FRAMED_CALLS"
    hello_seconds: float = FRAMED_HELLO_SECONDS
    arrival_seconds: float = FRAMED_ARRIVAL_SECONDS


class Connection:
    """Serves one connection until it ends. Its calls end with it."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        methods: Mapping[str, Any],
        token: str | None,
        peer: str,
        takes_time: bool,
        bounds: FramedBounds,
        calls_of_run: set[asyncio.Task[None]],
        count: Count,
        admit: Admit | None = None,
        observe: Observe | None = None,
    ) -> None:
        """Binds a connection.

        Args:
            reader: What the script sends.
            writer: What it gets.
            methods: gRPC's method handlers by `package.Service/Method`.
            token: What the first call must bring; None where `admit` says.
            peer: Name of the run, for handlers.
            takes_time: Whether calls may say what time it is.
            bounds: What the run may take.
            calls_of_run: The calls of all connections of the run, which are bounded together.
            count: Told of each end.
            admit: Asked before each call, with the token that the first call brought.
            observe: Told of each end of a call.
        """
        self._reader = reader
        self._writer = writer
        self._methods = methods
        self._token = token
        self._peer = peer
        self._takes_time = takes_time
        self._bounds = bounds
        self._calls_of_run = calls_of_run
        self._count = count
        self._admit = admit
        self._observe = observe
        self._given = ""
        self._calls: dict[int, tuple[asyncio.Task[None], Credit]] = {}
        writer.transport.set_write_buffer_limits(high=MAX_FRAMED_UNSENT_BYTES)

    async def serve(self) -> None:
        """Reads frames until the script goes away or breaks the rules."""
        try:
            try:
                async with asyncio.timeout(self._bounds.hello_seconds):
                    frame = await self._read()
            except TimeoutError:
                raise LimitError(
                    f"nothing arrived within {self._bounds.hello_seconds:g} s, FRAMED_HELLO_SECONDS"
                ) from None
            if not self._is_known(frame):
                await self._refuse(
                    grpc.StatusCode.UNAUTHENTICATED, "the first call does not bring the run's token"
                )
                return
            while True:
                self._take(frame)
                # Whoever does not read answers is not read from either.
                await self._writer.drain()
                frame = await self._read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the script has ended
        except CoralError as error:
            await self._refuse(to_code(error)[1], error.message, to_status(error).SerializeToString())
        finally:
            await self._end_calls()

    async def _read(self) -> pb.RequestFrame:
        return await read_frame(self._reader, seconds=self._bounds.arrival_seconds)

    def _is_known(self, frame: pb.RequestFrame) -> bool:
        is_call: bool = frame.WhichOneof("action") == "call"
        if self._token is None:
            self._given = frame.call.token
            return is_call
        return is_call and hmac.compare_digest(frame.call.token.encode(), self._token.encode())

    def _take(self, frame: pb.RequestFrame) -> None:
        action = frame.WhichOneof("action")
        known = self._calls.get(frame.call_id)
        if action == "call":
            if known is not None:
                raise UsageError(f"call {frame.call_id} is under way already")
            self._start(frame.call_id, frame.call)
        elif known is None:
            pass  # it ended meanwhile
        elif action == "cancel":
            known[0].cancel()
        else:
            known[1].grant(frame.credit.bytes)

    def _start(self, call_id: int, call: pb.Call) -> None:
        credit = Credit(call.credit_bytes)
        task = asyncio.create_task(self._call(call_id, call, credit))
        self._calls[call_id] = (task, credit)
        self._calls_of_run.add(task)
        task.add_done_callback(lambda done: self._forget(call_id, done))

    def _forget(self, call_id: int, task: asyncio.Task[None]) -> None:
        self._calls.pop(call_id, None)
        self._calls_of_run.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("a call of %s failed", self._peer, exc_info=task.exception())

    async def _call(self, call_id: int, call: pb.Call, credit: Credit) -> None:
        seconds = min(
            call.timeout_ms / 1000 if call.timeout_ms > 0 else FRAMED_CALL_SECONDS,
            FRAMED_CALL_CEILING_SECONDS,
        )
        started = asyncio.get_running_loop().time()
        context = CallContext(self._peer, started + seconds)
        end = pb.End()
        try:
            async with asyncio.timeout(seconds):
                await self._answer(call_id, call, credit, context)
        except Aborted as aborted:
            end = pb.End(
                code=aborted.code.value[0], message=aborted.message, status_details=context.status_details()
            )
        except CoralError as error:
            end = pb.End(
                code=to_code(error)[1].value[0],
                message=error.message,
                status_details=to_status(error).SerializeToString(),
            )
        except TimeoutError:
            end = _ended(grpc.StatusCode.DEADLINE_EXCEEDED, f"the call did not end within {seconds:g} s")
        except asyncio.CancelledError:
            end = _ended(grpc.StatusCode.CANCELLED, "the caller has cancelled the call")
        except ConnectionError:
            return
        except Exception as error:
            _log.exception("%s of %s failed", call.method, self._peer)
            end = _ended(grpc.StatusCode.UNKNOWN, f"Unexpected {type(error)}: {error}")
        self._count(_name(end.code))
        if self._observe is not None:
            self._observe(call.method, _name(end.code), asyncio.get_running_loop().time() - started)
        self._writer.write(encode(pb.ResponseFrame(call_id=call_id, end=end)))

    async def _answer(self, call_id: int, call: pb.Call, credit: Credit, context: CallContext) -> None:
        if len(self._calls_of_run) > self._bounds.calls:
            raise OverloadedError(
                f"too many calls are under way: the limit {self._bounds.calls_limit} is {self._bounds.calls}",
                hint="wait for some before you make more",
            )
        if self._admit is not None:
            self._admit(self._given, call.method)
        handler = self._methods.get(call.method)
        if handler is None:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, f"Method not found: {call.method}")
        if len(call.request) > MAX_QUERY_REQUEST_BYTES:
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"the request has {len(call.request)} bytes, the limit MAX_QUERY_REQUEST_BYTES is"
                f" {MAX_QUERY_REQUEST_BYTES}",
            )
        if call.HasField("now") and not self._takes_time:
            raise UsageError(
                "this server has its own clock", hint="only a recording can be asked as of a time"
            )
        try:
            request = handler.request_deserializer(call.request)
        except DecodeError as error:
            raise UsageError(f"the request cannot be read: {error}") from None
        with as_of(from_timestamp(call.now) if call.HasField("now") else None):
            if not handler.response_streaming:
                await self._send(
                    call_id, handler.response_serializer(await handler.unary_unary(request, context))
                )
                return
            async with contextlib.aclosing(handler.unary_stream(request, context)) as responses:
                async for response in responses:
                    encoded = handler.response_serializer(response)
                    await credit.spend(len(encoded))
                    await self._send(call_id, encoded)

    async def _send(self, call_id: int, response: bytes) -> None:
        self._writer.write(encode(pb.ResponseFrame(call_id=call_id, response=response)))
        await self._writer.drain()

    async def _refuse(self, code: grpc.StatusCode, message: str, details: bytes = b"") -> None:
        """Says why the connection ends."""
        self._count(code.name)
        end = pb.End(code=code.value[0], message=message, status_details=details)
        self._writer.write(encode(pb.ResponseFrame(end=end)))

    async def _end_calls(self) -> None:
        calls = [task for task, _ in self._calls.values()]
        for task in calls:
            task.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


def _ended(code: grpc.StatusCode, message: str) -> pb.End:
    return pb.End(code=code.value[0], message=message)


_NAMES: Final = {code.value[0]: code.name for code in grpc.StatusCode}


def _name(code: int) -> str:
    return _NAMES.get(code, "UNKNOWN")
