"""Delivery of the outbox to the colony over one stream that the agent dials.

Batches go out in order, a bounded number ahead of their acknowledgements. A batch leaves the outbox
only when the colony says that it is durable; after any break everything that is left is sent again,
and the colony drops what it has already applied.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

import grpc

from coral._proto.colony.v1 import fleet_pb2, fleet_pb2_grpc
from coral.errors import CoralError
from coral.limits import MAX_FLEET_MESSAGE_BYTES
from coral.store.api import Store, Transaction

_log = logging.getLogger(__name__)
_IN_FLIGHT: Final = 16  # batches sent ahead of their acknowledgements
_HEALTH_INTERVAL: Final = 10.0
_BACKOFF_FIRST: Final = 0.2
_BACKOFF_MOST: Final = 10.0


class _StreamEnded(Exception):
    """The colony ended the stream."""


class Uplink:
    """Keeps a stream to the colony and empties the outbox through it."""

    def __init__(self, store: Store, *, address: str, hello: fleet_pb2.AgentHello) -> None:
        self._store = store
        self._address = address
        self._hello = hello
        self._wake = asyncio.Event()
        self._acked = asyncio.Event()
        self._room = asyncio.Event()
        self._writing = asyncio.Lock()
        self._last_acked = 0
        self._in_flight: deque[int] = deque()
        self.connected = False

    def notify(self) -> None:
        """Tells that a batch was written to the outbox."""
        self._wake.set()

    async def drained(self) -> None:
        """Waits until the outbox is empty: the colony has everything that was written."""
        while True:
            self._acked.clear()
            rows = await asyncio.to_thread(self._store.query, "SELECT count(*) FROM main.outbox", since={})
            if rows[0][0] == 0:
                return
            await self._acked.wait()

    async def run(self) -> None:
        """Connects and delivers until cancelled; reconnects with growing, jittered pauses."""
        pause = _BACKOFF_FIRST
        while True:
            acked = self._last_acked
            try:
                await self._session()
            except (grpc.aio.AioRpcError, _StreamEnded, CoralError) as error:
                if self._last_acked > acked:
                    pause = _BACKOFF_FIRST
                _log.warning("the stream to the colony at %s ended: %s", self._address, _reason(error))
            finally:
                self.connected = False
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
        async with grpc.aio.insecure_channel(self._address, options=options) as channel:
            stub: fleet_pb2_grpc.FleetServiceAsyncStub = fleet_pb2_grpc.FleetServiceStub(channel)
            call = stub.Connect()
            await call.write(fleet_pb2.ConnectRequest(hello=self._hello))
            first = await call.read()
            if not isinstance(first, fleet_pb2.ConnectResponse) or not first.HasField("welcome"):
                raise await _ended(call)
            self.connected = True
            _log.info("connected to the colony at %s", self._address)
            await self._acknowledge(first.welcome.last_sequence)
            tasks = [
                asyncio.create_task(work(call)) for work in (self._receive, self._send, self._send_health)
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

    async def _receive(
        self, call: grpc.aio.StreamStreamCall[fleet_pb2.ConnectRequest, fleet_pb2.ConnectResponse]
    ) -> None:
        while True:
            response = await call.read()
            if not isinstance(response, fleet_pb2.ConnectResponse):
                raise await _ended(call)
            if response.HasField("ack"):
                await self._acknowledge(response.ack.sequence)

    async def _write(
        self,
        call: grpc.aio.StreamStreamCall[fleet_pb2.ConnectRequest, fleet_pb2.ConnectResponse],
        request: fleet_pb2.ConnectRequest,
    ) -> None:
        # gRPC allows one write at a time on a stream, and fails the second one.
        async with self._writing:
            await call.write(request)

    async def _send(
        self, call: grpc.aio.StreamStreamCall[fleet_pb2.ConnectRequest, fleet_pb2.ConnectResponse]
    ) -> None:
        sent = self._last_acked
        self._in_flight.clear()
        while True:
            self._wake.clear()
            async for sequence, payload in self._pending(sent):
                while len(self._in_flight) >= _IN_FLIGHT:
                    self._room.clear()
                    await self._room.wait()
                batch = fleet_pb2.Batch.FromString(payload)
                self._in_flight.append(sequence)
                await self._write(call, fleet_pb2.ConnectRequest(batch=batch))
                sent = sequence
            await self._wake.wait()

    async def _send_health(
        self, call: grpc.aio.StreamStreamCall[fleet_pb2.ConnectRequest, fleet_pb2.ConnectResponse]
    ) -> None:
        while True:
            rows = await asyncio.to_thread(
                self._store.query,
                "SELECT (SELECT count(*) FROM main.outbox), (SELECT value FROM main.counters"
                " WHERE name = 'spans_stored')",
                since={},
            )
            health = fleet_pb2.AgentHealth(outbox_batches=rows[0][0], spans_stored=rows[0][1])
            await self._write(call, fleet_pb2.ConnectRequest(health=health))
            await asyncio.sleep(_HEALTH_INTERVAL)

    async def _pending(self, after: int) -> AsyncIterator[tuple[int, bytes]]:
        """Outbox batches beyond a sequence, in order, read a few at a time."""
        while True:
            rows = await asyncio.to_thread(
                self._store.query,
                "SELECT sequence, payload FROM main.outbox WHERE sequence > ? ORDER BY sequence LIMIT ?",
                [after, _IN_FLIGHT],
                since={},
            )
            if not rows:
                return
            for sequence, payload in rows:
                after = sequence
                yield sequence, payload

    async def _acknowledge(self, sequence: int) -> None:
        if sequence > 0:
            self._last_acked = max(self._last_acked, sequence)

            def forget(transaction: Transaction) -> None:
                transaction.connection.execute("DELETE FROM outbox WHERE sequence <= ?", [sequence])

            try:
                await asyncio.wrap_future(self._store.submit(forget))
            except CoralError as error:
                # Harmless: the colony has it, and the next acknowledgement deletes it as well.
                _log.warning("an acknowledged batch could not be removed from the outbox: %s", error)
        while self._in_flight and self._in_flight[0] <= sequence:
            self._in_flight.popleft()
        self._room.set()
        self._acked.set()


def _reason(error: grpc.aio.AioRpcError | _StreamEnded | CoralError) -> str:
    if not isinstance(error, grpc.aio.AioRpcError):
        return str(error)
    return f"{error.code().name}: {error.details()}"


async def _ended(
    call: grpc.aio.StreamStreamCall[fleet_pb2.ConnectRequest, fleet_pb2.ConnectResponse],
) -> _StreamEnded:
    return _StreamEnded(f"{(await call.code()).name}: {await call.details()}")
