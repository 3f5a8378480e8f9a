"""An agent knows one address of its colony and finds the port for agents there, at each connection."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from coral._proto.colony.v1 import status_pb2, status_pb2_grpc
from coral.agent.fleet_address import find_fleet
from coral.errors import UnreachableError
from coral.testing.otel_client import Sending, send_traces
from coral.testing.processes import (
    coral_json,
    run_coral,
    settled,
    start_agent,
    start_colony,
    summary_counts,
)


class Status(status_pb2_grpc.StatusServiceServicer):
    """Answers what it is told to."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def GetFleetPort(
        self, request: status_pb2.GetFleetPortRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> status_pb2.GetFleetPortResponse:
        return status_pb2.GetFleetPortResponse(port=self.port)


@asynccontextmanager
async def serving(status: Status | None, host: str = "127.0.0.1") -> AsyncIterator[str]:
    server = grpc.aio.server()
    if status is not None:
        status_pb2_grpc.add_StatusServiceServicer_to_server(status, server)
    port = server.add_insecure_port(f"{host}:0")
    await server.start()
    try:
        yield f"{host}:{port}"
    finally:
        await server.stop(None)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_the_host_is_the_one_that_was_asked(host: str) -> None:
    async def scenario() -> None:
        status = Status(9001)
        async with serving(status, host) as address:
            assert await find_fleet(address) == f"{host}:9001"
            status.port = 9002
            assert await find_fleet(address) == f"{host}:9002"

    asyncio.run(scenario())


def test_a_colony_from_before_there_were_two_ports_serves_agents_where_it_was_asked() -> None:
    async def scenario() -> None:
        async with serving(None) as address:
            assert await find_fleet(address) == address

    asyncio.run(scenario())


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_an_answer_that_is_no_port_is_an_error(port: int) -> None:
    async def scenario() -> None:
        async with serving(Status(port)) as address:
            with pytest.raises(
                UnreachableError, match=f"{address} says that it serves agents at port {port}"
            ):
                await find_fleet(address)

    asyncio.run(scenario())


def test_a_colony_that_is_away_is_an_error() -> None:
    async def scenario() -> None:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await find_fleet("127.0.0.1:1")
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE

    asyncio.run(scenario())


def test_an_agent_follows_its_colony_to_another_port(tmp_path: Path) -> None:
    """Queries keep their address over the restart, agents get another port."""
    sending = Sending("grpc", gzip=False)
    with start_colony(tmp_path) as colony, start_agent(colony.grpc, tmp_path) as agent:
        send_traces("checkout", agent, sending, requests=20, errors=0)
        assert settled(lambda: summary_counts(colony.grpc).get("checkout"), (20, 0)) == (20, 0)
        first = colony.fleet
        colony.child.stop()
        taken = ("127.0.0.1", int(first.rpartition(":")[2]))
        with socket.create_server(taken), start_colony(tmp_path, listen=colony.grpc) as again:
            assert again.grpc == colony.grpc
            assert again.fleet != first
            send_traces("checkout", agent, sending, requests=20, errors=0)
            assert settled(lambda: summary_counts(again.grpc).get("checkout"), (40, 0)) == (40, 0)


def test_an_explicit_address_for_agents_is_taken_as_it_is(tmp_path: Path) -> None:
    """With the wrong one (the port for queries) the agent says what is wrong, and where agents are served."""
    with start_colony(tmp_path) as colony, start_agent("127.0.0.1:1", tmp_path, fleet=colony.fleet) as agent:
        send_traces("checkout", agent, Sending("grpc", gzip=False), requests=20, errors=0)
        assert settled(lambda: summary_counts(colony.grpc).get("checkout"), (20, 0)) == (20, 0)
    with (
        start_colony(tmp_path) as colony,
        start_agent(colony.grpc, tmp_path, agent_id="lost", fleet=colony.grpc),
    ):
        data = ("--data", str(tmp_path / "lost"))
        found = settled(
            lambda: "agents are served" in str(coral_json("agent", "status", *data)["last_error"]), True
        )
        assert found, run_coral("agent", "status", *data).stdout
        error = coral_json("agent", "status", *data)["last_error"]
        port = colony.fleet.rpartition(":")[2]
        assert error.startswith(f"UNIMPLEMENTED: agents are served at port {port}, not here")
