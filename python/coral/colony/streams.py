"""One agent's stream, the colony's side of it: what goes out, and what waits to be acknowledged."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import grpc

from coral._proto.colony.v1 import fleet_pb2


class AgentStream:
    """The open stream of an agent. Used from one event loop.

    Everything that goes out passes `run`, because gRPC allows one write at a time on a stream.
    """

    def __init__(
        self, hello: fleet_pb2.AgentHello, context: grpc.aio.ServicerContext[Any, fleet_pb2.ConnectResponse]
    ) -> None:
        self.hello = hello
        self._context = context
        self._outgoing: deque[fleet_pb2.ConnectResponse] = deque()
        self._wake = asyncio.Event()
        self._waiting = 0  # batches that are neither acknowledged nor refused
        self._durable = 0  # highest sequence of this stream that is
        self._ack_due = False
        self._reading_ended = False
        self._failure: Exception | None = None

    @property
    def source(self) -> tuple[str, str]:
        """The agent's id and its epoch."""
        return self.hello.agent_id, self.hello.epoch

    @property
    def failed(self) -> bool:
        """Whether the stream is about to end with an error: what comes on it is not taken any more."""
        return self._failure is not None

    def send(self, response: fleet_pb2.ConnectResponse) -> None:
        """Queues a message to the agent; whoever queues bounds the number."""
        self._outgoing.append(response)
        self._wake.set()

    def expect(self) -> None:
        """Notes that a batch was received and will be settled."""
        self._waiting += 1

    def settled(self, sequence: int, reason: Exception | None) -> None:
        """Notes that a batch is durable, or why it cannot be: then the stream ends with that error."""
        self._waiting -= 1
        if reason is None:
            self._durable, self._ack_due = max(self._durable, sequence), True
        elif self._failure is None:
            self._failure = reason
        self._wake.set()

    def end(self, reason: Exception) -> None:
        """Ends the stream with an error; what is durable is acknowledged first."""
        self._failure = self._failure or reason
        self._wake.set()

    def end_reading(self) -> None:
        """Notes that the agent will send nothing more: the stream ends when all is acknowledged."""
        self._reading_ended = True
        self._wake.set()

    async def run(self) -> None:
        """Writes until the agent has sent its last message and everything is settled.

        Raises:
            CoralError: A batch could not be applied; those before it are acknowledged.
        """
        while True:
            while self._outgoing:
                await self._context.write(self._outgoing.popleft())
            if self._ack_due:
                self._ack_due = False
                ack = fleet_pb2.BatchAck(sequence=self._durable)
                await self._context.write(fleet_pb2.ConnectResponse(ack=ack))
                continue
            if self._failure is not None:
                raise self._failure
            if self._reading_ended and not self._waiting:
                return
            self._wake.clear()
            await self._wake.wait()
