"""Delivery of the outbox to the colony over one stream that the agent dials.

Batches go out in order, a bounded number and size ahead of their acknowledgements. A batch leaves the
outbox only when the colony says that it is durable; after any break everything that is left is sent
again, and the colony drops what it has already applied. The same stream carries the agent's health,
and the colony's questions with their answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import grpc

from coral._proto.colony.v1 import fleet_pb2, fleet_pb2_grpc
from coral.agent.answering import Answerer, Answering
from coral.agent.fleet_address import find_fleet
from coral.config.access import CLEAR, Access
from coral.errors import CoralError
from coral.limits import MAX_BATCHES_IN_FLIGHT, MAX_BYTES_IN_FLIGHT, MAX_FLEET_MESSAGE_BYTES
from coral.store.api import Store, Transaction
from coral.wire.channels import open_aio_channel
from coral.wire.tls import why_no_talk

_log = logging.getLogger(__name__)
_HEALTH_SECONDS: Final = 10.0  # when the colony does not say
_LOOK_SECONDS: Final = 1.0  # how often it is looked whether there are other problems
_WELCOME_SECONDS: Final = 30.0
_BACKOFF_FIRST: Final = 0.2
_BACKOFF_MOST: Final = 10.0

Call = grpc.aio.StreamStreamCall[fleet_pb2.ConnectRequest, fleet_pb2.ConnectResponse]


class _StreamEnded(Exception):
    """The colony ended the stream."""


@dataclass(frozen=True)
class UplinkStatistics:
    """How delivery goes.

    Attributes:
        connected: Whether the colony has welcomed this agent on a stream that is open.
        last_acked: Highest sequence that the colony has acknowledged since the start; 0 for none.
        in_flight_batches: Batches sent that are not acknowledged.
        in_flight_bytes: Their size.
        last_error: Why the last stream ended; None while connected and before the first try.
    """

    connected: bool
    last_acked: int
    in_flight_batches: int
    in_flight_bytes: int
    last_error: str | None


class Uplink:
    """Keeps a stream to the colony and empties the outbox through it. Used from one event loop."""

    def __init__(
        self,
        store: Store,
        *,
        address: str,
        fleet: str | None = None,
        access: Callable[[], Access] = lambda: CLEAR,
        hello: fleet_pb2.AgentHello,
        health: Callable[[], fleet_pb2.AgentHealth],
        answerer: Answerer | None = None,
        problems: Callable[[], Sequence[str]] = list,
    ) -> None:
        """Binds the outbox; nothing is dialled before `run`.

        Args:
            store: The agent's store, with the outbox.
            address: The colony, HOST:PORT; it is asked for each connection where it serves agents.
            fleet: Where it does, HOST:PORT; then it is not asked.
            access: With what the colony is reached; asked for each connection, and may raise ConfigError.
            hello: Who this agent is.
            health: The agent's figures as of now; called in a thread.
            answerer: Answers questions of the colony; None knows no answer.
            problems: What an operator should know now; when that changes, the health is sent at once.
        """
        self._store = store
        self._address = address
        self._fleet = fleet
        self._access = access
        self._hello = hello
        self._health = health
        self._answerer = answerer
        self._problems = problems
        self._wake = asyncio.Event()
        self._acked = asyncio.Event()
        self._removed = asyncio.Event()
        self._room = asyncio.Event()
        self._writing = asyncio.Lock()
        self._last_acked = 0
        self._in_flight: deque[tuple[int, int]] = deque()  # sequence, bytes
        self._in_flight_bytes = 0
        self._connected = False
        self._last_error: str | None = None

    def statistics(self) -> UplinkStatistics:
        """Figures as of now."""
        return UplinkStatistics(
            self._connected, self._last_acked, len(self._in_flight), self._in_flight_bytes, self._last_error
        )

    def notify(self) -> None:
        """Tells that a batch was written to the outbox."""
        self._wake.set()

    async def drained(self) -> None:
        """Waits until the outbox is empty: the colony has everything that was written."""
        while True:
            self._removed.clear()
            rows = await asyncio.to_thread(self._store.query, "SELECT count(*) FROM main.outbox", since={})
            if rows[0][0] == 0:
                return
            await self._removed.wait()

    async def run(self) -> None:
        """Connects and delivers until cancelled; reconnects with growing, jittered pauses."""
        removing = asyncio.create_task(self._remove_acknowledged())
        try:
            await self._keep_connected()
        finally:
            removing.cancel()
            await asyncio.gather(removing, return_exceptions=True)

    async def _keep_connected(self) -> None:
        pause = _BACKOFF_FIRST
        while True:
            acked = self._last_acked
            try:
                await self._session()
            except (grpc.aio.AioRpcError, _StreamEnded, CoralError, TimeoutError) as error:
                if self._last_acked > acked:
                    pause = _BACKOFF_FIRST
                self._last_error = await self._reason(error)
                _log.warning("the stream to the colony at %s ended: %s", self._address, self._last_error)
            finally:
                self._connected = False
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, _BACKOFF_MOST)

    async def _session(self) -> None:
        options = [
            ("grpc.max_receive_message_length", MAX_FLEET_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_FLEET_MESSAGE_BYTES),
            ("grpc.keepalive_time_ms", 20_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            ("grpc.enable_http_proxy", 0),
        ]
        access = await asyncio.to_thread(self._access)
        address = self._fleet or await find_fleet(self._address, access)
        async with open_aio_channel(address, access, options) as channel:
            stub: fleet_pb2_grpc.FleetServiceAsyncStub = fleet_pb2_grpc.FleetServiceStub(channel)
            call = stub.Connect(metadata=access.metadata())
            await call.write(fleet_pb2.ConnectRequest(hello=self._hello))
            first = await asyncio.wait_for(call.read(), _WELCOME_SECONDS)
            if not isinstance(first, fleet_pb2.ConnectResponse) or not first.HasField("welcome"):
                raise await _ended(call)
            self._connected = True
            self._last_error = None
            _log.info("connected to the colony at %s, at %s for agents", self._address, address)
            await self._converse(call, first.welcome)

    async def _reason(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"no welcome within {_WELCOME_SECONDS:g} s"
        if not isinstance(error, grpc.aio.AioRpcError):
            return str(error)
        if error.code() is grpc.StatusCode.UNAVAILABLE:
            with contextlib.suppress(CoralError):  # what cannot be read was told when it was read
                access = await asyncio.to_thread(self._access)
                found = await asyncio.to_thread(why_no_talk, self._fleet or self._address, access)
                if found is not None:
                    return found.message
        return f"{error.code().name}: {error.details()}"

    async def _converse(self, call: Call, welcome: fleet_pb2.Welcome) -> None:
        """Sends and receives until the stream ends, which always raises."""
        self._in_flight.clear()
        self._in_flight_bytes = 0
        self._acknowledge(welcome.last_sequence)
        health_seconds = welcome.health_interval.ToNanoseconds() / 1e9 or _HEALTH_SECONDS
        answering = Answering(
            self._answerer, lambda answer: self._write(call, fleet_pb2.ConnectRequest(answer=answer))
        )
        tasks = [
            asyncio.create_task(self._receive(call, answering)),
            asyncio.create_task(self._send(call)),
            asyncio.create_task(self._send_health(call, health_seconds)),
        ]
        try:
            # None of them returns; the first that fails ends the session for all.
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if call.done():
                raise await _ended(call)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await answering.close()

    async def _receive(self, call: Call, answering: Answering) -> None:
        while True:
            response = await call.read()
            if not isinstance(response, fleet_pb2.ConnectResponse):
                raise await _ended(call)
            if response.HasField("ack"):
                self._acknowledge(response.ack.sequence)
            elif response.HasField("question"):
                answering.ask(response.question)

    async def _write(self, call: Call, request: fleet_pb2.ConnectRequest) -> None:
        # gRPC allows one write at a time on a stream, and fails the second one.
        async with self._writing:
            await call.write(request)

    async def _send(self, call: Call) -> None:
        sent = self._last_acked
        while True:
            self._wake.clear()
            async for sequence, payload in self._pending(sent):
                await self._window(len(payload))
                batch = fleet_pb2.Batch.FromString(payload)
                self._in_flight.append((sequence, len(payload)))
                self._in_flight_bytes += len(payload)
                await self._write(call, fleet_pb2.ConnectRequest(batch=batch))
                sent = sequence
            await self._wake.wait()

    async def _window(self, size: int) -> None:
        """Waits until another batch may be in flight; one alone always may."""
        while self._in_flight and (
            len(self._in_flight) >= MAX_BATCHES_IN_FLIGHT
            or self._in_flight_bytes + size > MAX_BYTES_IN_FLIGHT
        ):
            self._room.clear()
            await self._room.wait()

    async def _send_health(self, call: Call, seconds: float) -> None:
        while True:
            problems = list(self._problems())
            health = await asyncio.to_thread(self._health)
            await self._write(call, fleet_pb2.ConnectRequest(health=health))
            due = time.monotonic() + seconds
            while time.monotonic() < due:
                await asyncio.sleep(min(seconds, _LOOK_SECONDS))
                if list(self._problems()) != problems:
                    break

    async def _pending(self, after: int) -> AsyncIterator[tuple[int, bytes]]:
        """Outbox batches beyond a sequence, in order, read as many at a time as may be in flight."""
        while True:
            rows = await asyncio.to_thread(self._store.query, _NEXT_SQL, [after], since={})
            if not rows:
                return
            for sequence, payload in rows:
                after = sequence
                yield sequence, payload

    def _acknowledge(self, sequence: int) -> None:
        if sequence > self._last_acked:
            self._last_acked = sequence
            self._acked.set()
        while self._in_flight and self._in_flight[0][0] <= sequence:
            self._in_flight_bytes -= self._in_flight.popleft()[1]
        self._room.set()

    async def _remove_acknowledged(self) -> None:
        """Takes what the colony has out of the outbox; many acknowledgements at once when they come fast."""
        while True:
            await self._acked.wait()
            self._acked.clear()
            upto = self._last_acked

            def remove(transaction: Transaction, upto: int = upto) -> None:
                transaction.connection.execute("DELETE FROM outbox WHERE sequence <= ?", [upto])

            try:
                await asyncio.wrap_future(self._store.submit(remove, essential=True))
            except CoralError as error:
                # Harmless: the colony has it, and the next acknowledgement deletes it as well.
                _log.warning("acknowledged batches could not be removed from the outbox: %s", error)
            self._removed.set()


_NEXT_SQL: Final = f"""
    SELECT sequence, payload FROM main.outbox WHERE sequence IN (
        SELECT sequence FROM (
            SELECT sequence, sum(size_bytes) OVER (ORDER BY sequence) - size_bytes AS before
            FROM main.outbox WHERE sequence > ? ORDER BY sequence LIMIT {MAX_BATCHES_IN_FLIGHT:d}
        ) WHERE before < {MAX_BYTES_IN_FLIGHT // 2:d}
    ) ORDER BY sequence
"""


async def _ended(call: Call) -> _StreamEnded:
    return _StreamEnded(f"{(await call.code()).name}: {await call.details()}")
