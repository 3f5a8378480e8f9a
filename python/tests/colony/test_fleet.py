from __future__ import annotations

import asyncio
import urllib.request
from datetime import timedelta
from pathlib import Path

import grpc
import pyarrow as pa
import pytest

from coral._proto.colony.v1 import fleet_pb2, fleet_pb2_grpc
from coral.client.colony import ColonyClient, to_rows
from coral.clock import SystemClock
from coral.colony.fleet import FleetServicer
from coral.store.duckdb.store import DuckDBStore
from coral.testing.processes import start_colony
from coral.wire.arrow import to_ipc
from tests.colony.fleet_client import FleetStream, resource_chunk, rollup_chunk

# The batches are of a fixed minute: without a time of its own the query would get the last hour.
COUNT = (
    "SELECT coalesce(sum(request_count), 0)::BIGINT FROM service_summary"
    " WHERE bucket_time > TIMESTAMP '2000-01-01'"
)


def total(address: str) -> int:
    with ColonyClient(address) as client:
        return int(to_rows(client.query(COUNT).rows)[0][0])


def test_a_batch_is_applied_once_however_often_it_is_sent(tmp_path: Path) -> None:
    with start_colony(tmp_path) as colony:
        with FleetStream(colony.fleet) as agent:
            assert agent.welcome() == 0
            for _ in range(3):
                assert agent.deliver(1, rollup_chunk([1_000_000] * 10)) == 1
            assert agent.deliver(2, rollup_chunk([1_000_000] * 5)) == 2
        with FleetStream(colony.fleet) as agent:
            assert agent.welcome() == 2
            agent.deliver(1, rollup_chunk([1_000_000] * 10))
        assert total(colony.grpc) == 15


def test_what_was_acknowledged_is_there_after_a_restart(tmp_path: Path) -> None:
    with start_colony(tmp_path) as colony, FleetStream(colony.fleet) as agent:
        agent.welcome()
        agent.deliver(1, rollup_chunk([1_000_000] * 7), resource_chunk("payments"))
    with start_colony(tmp_path) as colony:
        with FleetStream(colony.fleet) as agent:
            assert agent.welcome() == 1
            agent.deliver(1, rollup_chunk([1_000_000] * 7))
        assert total(colony.grpc) == 7
        with ColonyClient(colony.grpc) as client:
            assert [service.name for service in client.services()] == ["payments"]


def test_sequences_are_counted_per_agent_and_per_database(tmp_path: Path) -> None:
    with start_colony(tmp_path) as colony:
        for agent_id, epoch in (("a1", "e1"), ("a1", "e2"), ("a2", "e1")):
            with FleetStream(colony.fleet, agent_id=agent_id, epoch=epoch) as agent:
                assert agent.welcome() == 0
                agent.deliver(1, rollup_chunk([1_000_000]))
        assert total(colony.grpc) == 3


def test_a_second_stream_of_an_agent_ends_the_first(tmp_path: Path) -> None:
    with start_colony(tmp_path) as colony, FleetStream(colony.fleet) as older:
        older.welcome()
        with FleetStream(colony.fleet) as newer:
            newer.welcome()
            assert newer.deliver(1, rollup_chunk([1])) == 1
            with pytest.raises((grpc.RpcError, StopIteration)):
                older.deliver(2, rollup_chunk([1]))


def test_an_agent_whose_stream_is_cut_off_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer stream waits only so long for the older one to end; then that is cancelled."""
    monkeypatch.setattr("coral.colony.fleet._OLDER_ENDS_SECONDS", 1e-9)
    # The status may still be sent at leisure.
    monkeypatch.setattr("coral.colony.fleet._STATUS_SECONDS", 10.0)
    store = DuckDBStore(tmp_path, kind="colony", retention=timedelta(days=7), seal_interval=0)

    async def connect_twice() -> grpc.StatusCode:
        fleet = FleetServicer(store, clock=SystemClock())
        server = grpc.aio.server()
        fleet_pb2_grpc.add_FleetServiceServicer_to_server(fleet, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        hello = fleet_pb2.ConnectRequest(hello=fleet_pb2.AgentHello(agent_id="a1", epoch="e1"))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel, asyncio.timeout(20):
            calls = []
            for _ in range(2):
                stub: fleet_pb2_grpc.FleetServiceAsyncStub = fleet_pb2_grpc.FleetServiceStub(channel)
                calls.append(stub.Connect())
                await calls[-1].write(hello)
                welcome = await calls[-1].read()
                assert isinstance(welcome, fleet_pb2.ConnectResponse)
            code = await calls[0].code()
        await server.stop(None)
        return code

    try:
        assert asyncio.run(connect_twice()) is grpc.StatusCode.UNAVAILABLE
    finally:
        store.close()


BAD_CHUNKS = [
    fleet_pb2.TableChunk(table="scripts", arrow_ipc=to_ipc(pa.table({"a": [1]}))),
    fleet_pb2.TableChunk(table="rollups", arrow_ipc=b"garbage"),
    fleet_pb2.TableChunk(table="rollups", arrow_ipc=to_ipc(pa.table({"a": [1]}))),
]


@pytest.mark.parametrize("chunk", BAD_CHUNKS)
def test_a_batch_that_does_not_fit_is_refused_and_changes_nothing(
    tmp_path: Path, chunk: fleet_pb2.TableChunk
) -> None:
    with start_colony(tmp_path) as colony:
        with FleetStream(colony.fleet) as agent:
            agent.welcome()
            with pytest.raises(grpc.RpcError) as caught:
                agent.deliver(1, rollup_chunk([1_000_000]), chunk)
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert total(colony.grpc) == 0
        with urllib.request.urlopen(f"http://{colony.metrics}/metrics", timeout=10) as page:
            assert "\ncoral_colony_batches_refused_total 1.0\n" in page.read().decode()


@pytest.mark.parametrize(("agent_id", "epoch"), [("", "e"), ("x" * 129, "e"), ("a", "")])
def test_a_nameless_agent_is_refused(tmp_path: Path, agent_id: str, epoch: str) -> None:
    with (
        start_colony(tmp_path) as colony,
        FleetStream(colony.fleet, agent_id=agent_id, epoch=epoch) as agent,
        pytest.raises(grpc.RpcError) as caught,
    ):
        agent.welcome()
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
