"""Which SQL runs in a colony, and ending it; asked at the colony's port for agents."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from coral._proto.colony.v1 import queries_pb2 as pb
from coral._proto.colony.v1 import queries_pb2_grpc, status_pb2, status_pb2_grpc
from coral.config.access import CLEAR, Access
from coral.config.address import format_address, parse_address
from coral.wire.channels import open_channel
from coral.wire.status import from_rpc_error

_CALL_SECONDS = 10.0


def list_queries(colony: str, access: Access = CLEAR) -> list[pb.QueryInfo]:
    """The statements that run or wait, then those that ended lately, newest first."""
    found: list[pb.QueryInfo] = []
    with _service(colony, access) as service:
        request = pb.ListQueriesRequest()
        while True:
            page = service.ListQueries(request, timeout=_CALL_SECONDS)
            found += page.queries
            request.page_token = page.next_page_token
            if not page.next_page_token:
                return found


def cancel_query(colony: str, number: int, access: Access = CLEAR) -> None:
    """Ends a statement.

    Raises:
        NotFoundError: None of that number runs or waits.
    """
    with _service(colony, access) as service:
        service.CancelQuery(pb.CancelQueryRequest(id=number), timeout=_CALL_SECONDS)


@contextmanager
def _service(colony: str, access: Access) -> Iterator[queries_pb2_grpc.QueriesServiceStub]:
    host, _ = parse_address(colony)
    try:
        with open_channel(colony, access) as channel:
            asked = status_pb2.GetFleetPortRequest()
            port = status_pb2_grpc.StatusServiceStub(channel).GetFleetPort(asked, timeout=_CALL_SECONDS).port
        fleet = format_address(host, port)
        with open_channel(fleet, access) as channel:
            yield queries_pb2_grpc.QueriesServiceStub(channel)
    except grpc.RpcError as error:
        raise from_rpc_error(error, address=colony, access=access) from error
