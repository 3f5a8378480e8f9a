from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from coral._proto.colony.v1 import fleet_pb2, fleet_pb2_grpc, query_pb2
from coral.agent import uplink
from coral.agent.health import Health
from coral.agent.ingest import Ingest
from coral.agent.rollup.outbox import Outbox, Waiting
from coral.agent.uplink import Uplink
from coral.clock import FixedClock
from coral.limits import MAX_BATCHES_IN_FLIGHT, MAX_BYTES_IN_FLIGHT, MAX_FLEET_MESSAGE_BYTES
from coral.store.api import Transaction
from coral.store.duckdb.store import DuckDBStore

HELLO = fleet_pb2.AgentHello(agent_id="a1", epoch="e1")


class ScriptedColony(fleet_pb2_grpc.FleetServiceServicer):
    """A colony whose acknowledgements, questions and breaks the test decides."""

    def __init__(self) -> None:
        self.received: list[fleet_pb2.ConnectRequest] = []
        self.changed = asyncio.Condition()
        self.to_send: asyncio.Queue[fleet_pb2.ConnectResponse | None] = asyncio.Queue()
        self.last_sequence = 0
        self.streams = 0

    async def Connect(
        self,
        request_iterator: AsyncIterator[fleet_pb2.ConnectRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncIterator[fleet_pb2.ConnectResponse]:
        reading = asyncio.create_task(self._read(request_iterator))
        self.streams += 1
        try:
            yield fleet_pb2.ConnectResponse(welcome=fleet_pb2.Welcome(last_sequence=self.last_sequence))
            while (response := await self.to_send.get()) is not None:
                yield response
        finally:
            reading.cancel()
        await context.abort(grpc.StatusCode.UNAVAILABLE, "going away")

    async def _read(self, requests: AsyncIterator[fleet_pb2.ConnectRequest]) -> None:
        async for request in requests:
            async with self.changed:
                self.received.append(request)
                self.changed.notify_all()

    def acknowledge(self, sequence: int) -> None:
        self.to_send.put_nowait(fleet_pb2.ConnectResponse(ack=fleet_pb2.BatchAck(sequence=sequence)))

    def sequences(self) -> list[int]:
        return [request.batch.sequence for request in self.received if request.HasField("batch")]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(condition), 20)


@contextlib.asynccontextmanager
async def connected(
    store: DuckDBStore, clock: FixedClock, data: Path, **more: Any
) -> AsyncIterator[tuple[ScriptedColony, Uplink]]:
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", MAX_FLEET_MESSAGE_BYTES)])
    colony = ScriptedColony()
    fleet_pb2_grpc.add_FleetServiceServicer_to_server(colony, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    ingest = Ingest(store, agent_id="a1", clock=clock)
    health = Health(store, ingest, data=data, problems=lambda: ["a problem"])
    sender = Uplink(store, address=address, hello=HELLO, health=health.now, **more)
    running = asyncio.create_task(sender.run())
    try:
        yield colony, sender
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await server.stop(None)


def put(store: DuckDBStore, clock: FixedClock, *sequences: int, size: int = 10) -> None:
    def job(transaction: Transaction) -> None:
        Outbox(max_bytes=10**9).append(
            transaction,
            [
                Waiting.of(
                    fleet_pb2.Batch(
                        sequence=sequence,
                        chunks=[fleet_pb2.TableChunk(table="rollups", arrow_ipc=bytes(size))],
                    ),
                    created_at=clock.now(),
                )
                for sequence in sequences
            ],
        )

    store.submit(job).result()


def left(store: DuckDBStore) -> list[int]:
    return [sequence for (sequence,) in store.query("SELECT sequence FROM main.outbox ORDER BY 1", since={})]


def test_a_colony_that_does_not_acknowledge_gets_a_bounded_number(
    store: DuckDBStore, clock: FixedClock, tmp_path: Path
) -> None:
    put(store, clock, *range(1, 3 * MAX_BATCHES_IN_FLIGHT))

    async def run() -> None:
        async with connected(store, clock, tmp_path) as (colony, uplink):
            await colony.until(lambda: len(colony.sequences()) == MAX_BATCHES_IN_FLIGHT)
            assert uplink.statistics().in_flight_batches == MAX_BATCHES_IN_FLIGHT
            colony.acknowledge(2)
            await colony.until(lambda: len(colony.sequences()) == MAX_BATCHES_IN_FLIGHT + 2)
            assert colony.sequences() == list(range(1, MAX_BATCHES_IN_FLIGHT + 3))
            assert uplink.statistics().in_flight_batches == MAX_BATCHES_IN_FLIGHT
            while left(store)[0] < 3:
                await asyncio.sleep(0.01)

    asyncio.run(run())
    assert left(store) == list(range(3, 3 * MAX_BATCHES_IN_FLIGHT))


def test_large_batches_are_bounded_by_their_size(
    store: DuckDBStore, clock: FixedClock, tmp_path: Path
) -> None:
    size = MAX_BYTES_IN_FLIGHT // 2 - 1_000
    put(store, clock, 1, 2, 3, 4, size=size)
    put(store, clock, 5, size=MAX_BYTES_IN_FLIGHT + 1)

    async def run() -> None:
        async with connected(store, clock, tmp_path) as (colony, uplink):
            for acknowledged in range(1, 5):
                most = acknowledged + 1 if acknowledged < 4 else 4
                await colony.until(lambda: len(colony.sequences()) >= most)  # noqa: B023
                assert uplink.statistics().in_flight_bytes <= MAX_BYTES_IN_FLIGHT
                assert len(colony.sequences()) == most
                colony.acknowledge(acknowledged)
            # One that is larger than the window goes alone.
            await colony.until(lambda: colony.sequences()[-1] == 5)
            colony.acknowledge(5)
            await uplink.drained()

    asyncio.run(run())
    assert left(store) == []


def test_after_a_break_what_was_not_acknowledged_is_sent_again(
    store: DuckDBStore, clock: FixedClock, tmp_path: Path
) -> None:
    put(store, clock, 1, 2, 4)  # 3 was given up

    async def run() -> None:
        async with connected(store, clock, tmp_path) as (colony, uplink):
            await colony.until(lambda: colony.sequences() == [1, 2, 4])
            colony.last_sequence = 1  # it applied one, and the acknowledgement got lost
            colony.received.clear()
            colony.to_send.put_nowait(None)
            await colony.until(lambda: colony.sequences() == [2, 4])
            put(store, clock, 5)
            uplink.notify()
            await colony.until(lambda: colony.sequences() == [2, 4, 5])
            colony.acknowledge(5)
            await uplink.drained()
            assert colony.streams == 2

    asyncio.run(run())


def test_other_problems_are_told_at_once(
    store: DuckDBStore, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uplink, "_LOOK_SECONDS", 0.001)
    problems = ["the disk is full"]

    async def run() -> int:
        async with connected(store, clock, tmp_path, problems=lambda: list(problems)) as (colony, _):

            def reports() -> int:
                return sum(request.HasField("health") for request in colony.received)

            await colony.until(lambda: reports() == 1)
            await asyncio.sleep(0.05)  # many looks
            same = reports()
            problems.clear()
            await colony.until(lambda: reports() == 2)
            return same

    assert asyncio.run(run()) == 1


def test_a_stream_carries_health_and_answers(store: DuckDBStore, clock: FixedClock, tmp_path: Path) -> None:
    put(store, clock, 1, 2, size=1_000)

    async def answerer(asked: fleet_pb2.AgentQuestion) -> fleet_pb2.AgentAnswer:
        return fleet_pb2.AgentAnswer(query_logs=query_pb2.QueryLogsResponse())

    async def run() -> list[fleet_pb2.ConnectRequest]:
        async with connected(store, clock, tmp_path, answerer=answerer) as (colony, _):
            asked = fleet_pb2.AgentQuestion(id=9, query_logs=query_pb2.QueryLogsRequest())
            colony.to_send.put_nowait(fleet_pb2.ConnectResponse(question=asked))
            await colony.until(
                lambda: {"answer", "health"} <= {r.WhichOneof("message") for r in colony.received}
            )
            return colony.received

    received = asyncio.run(run())
    (answer,) = [request.answer for request in received if request.HasField("answer")]
    assert (answer.id, answer.WhichOneof("answer")) == (9, "query_logs")
    health = next(request.health for request in received if request.HasField("health"))
    assert health.outbox_batches == 2
    assert health.outbox_bytes > 2_000
    assert health.oldest_batch_at.ToDatetime() == clock.now()
    assert health.disk_used_bytes > 0
    assert health.disk_free_bytes > 0
    assert health.memory_bytes > 10**6
    assert list(health.problems) == ["a problem"]


def test_without_a_colony_it_says_why_and_keeps_everything(
    store: DuckDBStore, clock: FixedClock, tmp_path: Path
) -> None:
    put(store, clock, 1)

    async def run() -> str:
        ingest = Ingest(store, agent_id="a1", clock=clock)
        health = Health(store, ingest, data=tmp_path, problems=tuple)
        uplink = Uplink(store, address="127.0.0.1:1", hello=HELLO, health=health.now)
        running = asyncio.create_task(uplink.run())
        while (error := uplink.statistics().last_error) is None:
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return error

    assert asyncio.run(run()).startswith("UNAVAILABLE")
    assert left(store) == [1]
