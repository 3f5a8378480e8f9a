"""QueryService over gRPC."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from coral._proto.colony.v1 import query_pb2 as pb
from coral._proto.colony.v1 import query_pb2_grpc
from coral.errors import CoralError
from coral.query.api import QueryApi
from coral.wire.status import abort

T = TypeVar("T")
if TYPE_CHECKING:
    _Context = grpc.aio.ServicerContext[Any, Any]


class QueryServicer(query_pb2_grpc.QueryServiceServicer):
    """Serves a `QueryApi`; errors become `google.rpc.Status` with an `ErrorInfo`.

    The methods are documented in the contract, `query.proto`.
    """

    def __init__(self, api: QueryApi) -> None:
        self._api = api

    async def ListServices(
        self, request: pb.ListServicesRequest, context: _Context
    ) -> pb.ListServicesResponse:
        return await _answer(self._api.list_services(request), context)

    async def GetPercentile(
        self, request: pb.GetPercentileRequest, context: _Context
    ) -> pb.GetPercentileResponse:
        return await _answer(self._api.get_percentile(request), context)

    async def GetErrorRate(
        self, request: pb.GetErrorRateRequest, context: _Context
    ) -> pb.GetErrorRateResponse:
        return await _answer(self._api.get_error_rate(request), context)

    async def GetSeries(self, request: pb.GetSeriesRequest, context: _Context) -> pb.GetSeriesResponse:
        return await _answer(self._api.get_series(request), context)

    async def GetHistogram(
        self, request: pb.GetHistogramRequest, context: _Context
    ) -> pb.GetHistogramResponse:
        return await _answer(self._api.get_histogram(request), context)

    async def QueryTraces(self, request: pb.QueryTracesRequest, context: _Context) -> pb.QueryTracesResponse:
        return await _answer(self._api.query_traces(request), context)

    async def FindSlowTraces(
        self, request: pb.FindSlowTracesRequest, context: _Context
    ) -> pb.FindSlowTracesResponse:
        return await _answer(self._api.find_slow_traces(request), context)

    async def GetTrace(self, request: pb.GetTraceRequest, context: _Context) -> pb.GetTraceResponse:
        return await _answer(self._api.get_trace(request), context)

    async def GetSystemMetrics(
        self, request: pb.GetSystemMetricsRequest, context: _Context
    ) -> pb.GetSystemMetricsResponse:
        return await _answer(self._api.get_system_metrics(request), context)

    async def ListFunctions(
        self, request: pb.ListFunctionsRequest, context: _Context
    ) -> pb.ListFunctionsResponse:
        return await _answer(self._api.records.list_functions(request), context)

    async def GetFunction(self, request: pb.GetFunctionRequest, context: _Context) -> pb.GetFunctionResponse:
        return await _answer(self._api.records.get_function(request), context)

    async def QueryLogs(self, request: pb.QueryLogsRequest, context: _Context) -> pb.QueryLogsResponse:
        return await _answer(self._api.records.query_logs(request), context)

    async def QueryEvents(self, request: pb.QueryEventsRequest, context: _Context) -> pb.QueryEventsResponse:
        return await _answer(self._api.query_events(request), context)

    async def ExecuteQuery(
        self, request: pb.ExecuteQueryRequest, context: _Context
    ) -> AsyncIterator[pb.ExecuteQueryResponse]:
        try:
            async with contextlib.aclosing(
                self._api.execute_query(request, caller=_caller(context))
            ) as responses:
                async for response in responses:
                    yield response
        except CoralError as error:
            await abort(context, error)


def _caller(context: _Context) -> str:
    """Who calls: the address, and on loopback, where all have the same, the connection."""
    peer = str(context.peer())
    local = peer.startswith(("ipv4:127.", "ipv6:[::1]", "ipv6:%5B::1%5D", "unix:"))
    return peer if local else peer.rpartition(":")[0]


async def _answer(work: Awaitable[T], context: _Context) -> T:
    try:
        return await work
    except CoralError as error:
        await abort(context, error)
