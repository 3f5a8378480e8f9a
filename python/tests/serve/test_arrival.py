"""Requests that never arrive hold neither memory nor calls; honest ones get through meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from coral._proto.colony.v1 import query_pb2, query_pb2_grpc
from coral.serve.arrival import RequestArrival
from coral.serve.instruments import Counter
from coral.serve.listen import GrpcServer, ServerBounds
from coral.wire.status import from_rpc_error

LIST = "/coral.colony.v1.QueryService/ListServices"
WATCH = "/grpc.health.v1.Health/Watch"
SERVICE = "coral.colony.v1.QueryService"


class Queries(query_pb2_grpc.QueryServiceServicer):
    """Answers at once."""

    async def ListServices(
        self, request: query_pb2.ListServicesRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> query_pb2.ListServicesResponse:
        return query_pb2.ListServicesResponse(next_page_token=request.page_token)

    async def ExecuteQuery(
        self, request: query_pb2.ExecuteQueryRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[query_pb2.ExecuteQueryResponse]:
        for number in range(3):
            yield query_pb2.ExecuteQueryResponse(batch=query_pb2.QueryBatch(row_count=number))


class Bounded:
    """A server with an arrival's bounds, and a channel to it."""

    def __init__(self, channel: grpc.aio.Channel, given_up: Counter) -> None:
        self.channel = channel
        self.given_up = given_up
        self.queries: query_pb2_grpc.QueryServiceAsyncStub = query_pb2_grpc.QueryServiceStub(channel)

    def unfinished(self, method: str = LIST) -> Any:
        """A call whose request never comes: a stream of requests that stays open."""
        return self.channel.stream_unary(method)()

    async def echo(self, text: str) -> str:
        request = query_pb2.ListServicesRequest(page_token=text)
        return (await self.queries.ListServices(request, timeout=20)).next_page_token


@asynccontextmanager
async def bounded(*, at_once: int = 4, seconds: float = 600.0, endless: int = 2) -> AsyncIterator[Bounded]:
    given_up = Counter("t_given_up_total", "Given up.", ("reason",))
    arrival = RequestArrival(at_once=at_once, seconds=seconds, endless=endless, given_up=given_up)
    server = GrpcServer(
        max_message_bytes=2**20,
        max_request_bytes=1000,
        bounds=ServerBounds(connections=100, streams=100, calls=100),
        interceptors=[arrival],
    )
    query_pb2_grpc.add_QueryServiceServicer_to_server(Queries(), server.server)
    address = server.listen("127.0.0.1:0")
    await server.start([SERVICE], reflect=True)
    async with grpc.aio.insecure_channel(address) as channel:
        yield Bounded(channel, given_up)
    await server.stop(0)


async def ended(call: Any) -> tuple[grpc.StatusCode, str]:
    return await asyncio.wait_for(call.code(), 20), await call.details()


def test_requests_are_answered_as_without_it() -> None:
    async def scenario() -> None:
        async with bounded() as server:
            assert await server.echo("a") == "a"
            assert await asyncio.gather(*(server.echo(str(n)) for n in range(50))) == [
                str(n) for n in range(50)
            ]
            stream = server.queries.ExecuteQuery(query_pb2.ExecuteQueryRequest(sql="x"), timeout=20)
            assert [response.batch.row_count async for response in stream] == [0, 1, 2]
            reflection = reflection_pb2_grpc.ServerReflectionStub(server.channel)
            asked = reflection_pb2.ServerReflectionRequest(list_services="")
            async for answer in reflection.ServerReflectionInfo(iter([asked]), timeout=20):
                assert SERVICE in {item.name for item in answer.list_services_response.service}

    asyncio.run(scenario())


def test_the_oldest_unfinished_request_makes_room_for_an_honest_one() -> None:
    async def scenario() -> None:
        async with bounded(at_once=4) as server:
            for _ in range(3):
                calls = [server.unfinished() for _ in range(12)]
                # Eight of twelve must go, whichever came first.
                waiting = [asyncio.create_task(ended(call)) for call in calls]
                gone, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                code, details = gone.pop().result()
                assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
                assert details.endswith("the limit MAX_ARRIVING_QUERIES is 4")
                assert await server.echo("honest") == "honest"
                for call in calls:
                    call.cancel()
                await asyncio.gather(*waiting)
            assert server.given_up.values()[("crowded",)] >= 8

    asyncio.run(scenario())


def test_a_request_that_does_not_arrive_in_time_is_given_up() -> None:
    async def scenario() -> None:
        async with bounded(seconds=0.05) as server:
            code, details = await ended(server.unfinished())
            assert code is grpc.StatusCode.DEADLINE_EXCEEDED
            assert details == "the request did not arrive within 0.05 s, QUERY_ARRIVAL_SECONDS"
            assert server.given_up.values()[("slow",)] == 1

    asyncio.run(scenario())


def test_calls_that_do_not_end_are_few() -> None:
    async def scenario() -> None:
        async with bounded(endless=2) as server:
            health = health_pb2_grpc.HealthStub(server.channel)
            watches = [health.Watch(health_pb2.HealthCheckRequest(service=SERVICE)) for _ in range(2)]
            for watch in watches:
                assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
            refused = health.Watch(health_pb2.HealthCheckRequest(service=SERVICE))
            code, details = await ended(refused)
            assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert details.endswith("MAX_ENDLESS_QUERY_CALLS is 2")
            assert await server.echo("honest") == "honest"
            check = await health.Check(health_pb2.HealthCheckRequest(service=SERVICE), timeout=20)
            assert check.status == health_pb2.HealthCheckResponse.SERVING
            for watch in watches:
                watch.cancel()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("request_bytes", "message"),
    [(b"\xff\xff", "the request cannot be read: "), (None, "the call ended without its request")],
)
def test_a_request_that_is_none_is_refused(request_bytes: bytes | None, message: str) -> None:
    async def scenario() -> None:
        async with bounded() as server:
            call = server.channel.stream_unary(LIST)()
            if request_bytes is not None:
                await call.write(request_bytes)
            await call.done_writing()
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert from_rpc_error(caught.value, address="x").message.startswith(message)

    asyncio.run(scenario())


def test_a_request_that_is_too_large_is_refused_with_the_limit() -> None:
    async def scenario() -> None:
        async with bounded() as server:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await server.echo("x" * 1000)
            assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "1000" in str(caught.value.details())

    asyncio.run(scenario())
