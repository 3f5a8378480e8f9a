"""What QueryService needs of others: log records and functions of the agents, events of who keeps them."""

from __future__ import annotations

from typing import Protocol

from coral._proto.colony.v1 import query_pb2 as pb


class Records(Protocol):
    """Answers QueryLogs, ListFunctions and GetFunction; the colony by asking its agents, an agent itself.

    Every method raises `CoralError` as the RPC of its name documents.
    """

    async def query_logs(self, request: pb.QueryLogsRequest) -> pb.QueryLogsResponse:
        """See the RPC."""
        ...

    async def list_functions(self, request: pb.ListFunctionsRequest) -> pb.ListFunctionsResponse:
        """See the RPC."""
        ...

    async def get_function(self, request: pb.GetFunctionRequest) -> pb.GetFunctionResponse:
        """See the RPC."""
        ...


class Events(Protocol):
    """Answers QueryEvents; a colony has one."""

    async def list(self, request: pb.QueryEventsRequest) -> pb.QueryEventsResponse:
        """See the RPC; raises `CoralError` as it documents."""
        ...
