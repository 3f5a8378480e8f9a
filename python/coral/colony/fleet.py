"""The colony's side of the agents' streams: batches are applied exactly once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, Final

import grpc
import pyarrow as pa

from coral._proto.colony.v1 import fleet_pb2, fleet_pb2_grpc
from coral.clock import Clock
from coral.colony.apply import Applier, ApplyStatistics, ReceivedBatch, Tables, nobody
from coral.colony.histograms import HISTOGRAM_TABLES, check_histograms
from coral.colony.questions import Questions
from coral.colony.registry import AgentRegistry
from coral.colony.streams import AgentStream
from coral.colony.telemetry import APPLY_SECONDS
from coral.errors import CoralError, UnreachableError, UsageError
from coral.serve.tokens import Caller, current_caller
from coral.store.api import Store
from coral.wire.batches import read_chunk
from coral.wire.status import abort
from coral.wire.times import from_timestamp, to_duration

_log = logging.getLogger(__name__)
_HEALTH_INTERVAL_NS: Final = 10_000_000_000
_FLUSH_SECONDS: Final = 5.0
_OLDER_ENDS_SECONDS: Final = 1.0
_STATUS_SECONDS: Final = 1.0
_DECODE_HERE_BYTES: Final = 256 * 1024  # larger batches are decoded by a thread


class FleetServicer(fleet_pb2_grpc.FleetServiceServicer):
    """Serves `FleetService.Connect`. `run` is a task that must be running."""

    def __init__(
        self, store: Store, *, clock: Clock, committed: Callable[[Tables], Awaitable[None]] = nobody
    ) -> None:
        """Reads from the store what is known of the fleet; blocking.

        Args:
            store: Where batches go.
            clock: The time.
            committed: Told the rows of each commit before any batch of it is acknowledged.
        """
        self.registry = AgentRegistry(store, clock=clock)
        self.questions = Questions(self.stream)
        self._streams: dict[str, AgentStream] = {}
        self._handlers: dict[str, asyncio.Task[Any]] = {}
        self._callers: dict[AgentStream, Caller] = {}
        self._applier = Applier(store, streams=self.connected_agents, committed=committed)

    def connected_agents(self) -> int:
        """How many agents have an open stream."""
        return len(self._streams)

    def stream(self, agent_id: str) -> AgentStream | None:
        """The open stream of an agent, or None."""
        return self._streams.get(agent_id)

    def end_streams(self, which: Callable[[Caller], bool], reason: CoralError) -> None:
        """Ends the streams of some callers; what is durable is acknowledged first.

        Args:
            which: Says of a caller whether its streams end.
            reason: What the agents are told.
        """
        for stream, caller in self._callers.items():
            if which(caller):
                stream.end(reason)

    def statistics(self) -> ApplyStatistics:
        """Figures of the batches as of now."""
        return self._applier.statistics()

    async def run(self) -> None:
        """Applies batches and writes what is known of the agents, until cancelled."""
        applying = asyncio.create_task(self._applier.run())
        try:
            while not applying.done():
                await asyncio.wait([applying], timeout=_FLUSH_SECONDS)
                try:
                    await self.registry.flush()
                except CoralError as error:
                    _log.warning("what agents reported could not be written, trying again: %s", error)
            applying.result()
        finally:
            applying.cancel()

    # The stubs only know handlers that yield; grpc.aio takes those that write to the context as well.
    async def Connect(  # type: ignore[override]  # noqa: D102
        self,
        request_iterator: AsyncIterator[fleet_pb2.ConnectRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> None:
        this_handler = asyncio.current_task()
        assert this_handler is not None
        agent_id = ""
        stream = None
        try:
            hello = _checked_hello(await anext(aiter(request_iterator), None))
            await self._end_older_stream(hello.agent_id)
            agent_id = hello.agent_id
            stream = AgentStream(hello, context)
            self._handlers[agent_id], self._streams[agent_id] = this_handler, stream
            self._callers[stream] = current_caller()
            self.registry.register(hello)
            stream.send(
                fleet_pb2.ConnectResponse(
                    welcome=fleet_pb2.Welcome(
                        last_sequence=self._applier.last_sequence(stream.source),
                        health_interval=to_duration(_HEALTH_INTERVAL_NS),
                    )
                )
            )
            await self._serve(stream, request_iterator)
        except CoralError as error:
            await abort(context, error)
        except asyncio.CancelledError:
            if stream is not None and stream.failed:
                # A newer stream had no more patience. Without a status the agent would wait for ever.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_STATUS_SECONDS):
                        await abort(context, _superseded(agent_id))
            raise
        finally:
            if stream is not None:
                self._callers.pop(stream, None)
                self.questions.ended(stream)
            if agent_id and self._handlers.get(agent_id) is this_handler:
                del self._handlers[agent_id], self._streams[agent_id]

    def missing_agents(self) -> list[str]:
        """Ids of agents that were here within a day and have been silent for a minute."""
        return self.registry.missing()

    async def _serve(self, stream: AgentStream, requests: AsyncIterator[fleet_pb2.ConnectRequest]) -> None:
        """Reads and writes until both have ended or one of them failed."""
        work = [
            asyncio.create_task(stream.run()),
            asyncio.create_task(self._read(stream, requests)),
        ]
        try:
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    async def _read(self, stream: AgentStream, requests: AsyncIterator[fleet_pb2.ConnectRequest]) -> None:
        agent_id = stream.hello.agent_id
        async for request in requests:
            kind = request.WhichOneof("message")
            self.registry.seen(agent_id, request.health if kind == "health" else None)
            if kind == "batch":
                sequence = request.batch.sequence
                try:
                    tables = await _decoded(request.batch)
                except CoralError:
                    self._applier.count_refused()
                    raise
                if stream.failed:
                    return  # a batch before this one was refused, so this one must not be applied
                stream.expect()
                settled = partial(self._settled, stream, request.batch, time.monotonic())
                await self._applier.put(ReceivedBatch(stream.source, sequence, tables, settled))
            elif kind == "answer":
                self.questions.answered(stream, request.answer)
        stream.end_reading()

    def _settled(
        self, stream: AgentStream, batch: fleet_pb2.Batch, arrived: float, reason: Exception | None
    ) -> None:
        APPLY_SECONDS.observe(time.monotonic() - arrived)
        if reason is None:
            self.registry.applied(stream.hello.agent_id, from_timestamp(batch.created_at))
        stream.settled(batch.sequence, reason)

    async def _end_older_stream(self, agent_id: str) -> None:
        older = self._handlers.get(agent_id)
        if older is not None:
            self._streams[agent_id].end(_superseded(agent_id))
            _, pending = await asyncio.wait([older], timeout=_OLDER_ENDS_SECONDS)
            for task in pending:  # its agent reads nothing any more
                task.cancel()
                await asyncio.wait([task])


def _superseded(agent_id: str) -> UnreachableError:
    return UnreachableError(f"agent {agent_id} has connected again")


async def _decoded(batch: fleet_pb2.Batch) -> dict[str, pa.Table]:
    """The rows of a batch by table.

    Raises:
        UsageError: They cannot be read, or are not what the tables take.
    """
    if sum(len(chunk.arrow_ipc) for chunk in batch.chunks) > _DECODE_HERE_BYTES:
        return await asyncio.to_thread(_read_chunks, batch)
    return _read_chunks(batch)


def _read_chunks(batch: fleet_pb2.Batch) -> dict[str, pa.Table]:
    tables: dict[str, list[pa.Table]] = {}
    for chunk in batch.chunks:
        rows = read_chunk(chunk)
        if chunk.table in HISTOGRAM_TABLES:
            check_histograms(rows, what=f"{chunk.table} rows")
        tables.setdefault(chunk.table, []).append(rows)
    return {name: parts[0] if len(parts) == 1 else pa.concat_tables(parts) for name, parts in tables.items()}


def _checked_hello(first: fleet_pb2.ConnectRequest | None) -> fleet_pb2.AgentHello:
    if first is None or not first.HasField("hello"):
        raise UsageError("the first message of a stream must be AgentHello")
    hello = first.hello
    if not 1 <= len(hello.agent_id) <= 128 or not hello.epoch:
        raise UsageError(f"agent_id is {hello.agent_id!r}, expected 1 to 128 characters, with an epoch")
    return hello
