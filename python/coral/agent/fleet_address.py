"""Where the colony serves agents: it is asked, at the one address that an agent is configured with."""

from __future__ import annotations

from typing import Final

import grpc

from coral._proto.colony.v1 import status_pb2, status_pb2_grpc
from coral.config.access import CLEAR, Access
from coral.config.address import format_address, parse_address
from coral.errors import UnreachableError
from coral.wire.channels import open_aio_channel

_ASK_SECONDS: Final = 10.0


async def find_fleet(colony: str, access: Access = CLEAR) -> str:
    """Asks a colony where it serves agents; ask again for each connection, it may have moved.

    A colony of a version before there were two ports does not know the question, and serves agents where
    it was asked: agents may be upgraded before their colony.

    Args:
        colony: Its address for queries, HOST:PORT.
        access: With what it is reached.

    Returns:
        HOST:PORT of its FleetService. The host is the one that was asked.

    Raises:
        grpc.aio.AioRpcError: It does not answer.
        UnreachableError: Its answer is no port.
        UsageError: The address is malformed.
    """
    host, _ = parse_address(colony)
    options = [("grpc.enable_http_proxy", 0)]
    async with open_aio_channel(colony, access, options) as channel:
        stub: status_pb2_grpc.StatusServiceAsyncStub = status_pb2_grpc.StatusServiceStub(channel)
        try:
            answer = await stub.GetFleetPort(
                status_pb2.GetFleetPortRequest(), timeout=_ASK_SECONDS, metadata=access.metadata()
            )
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return colony
            raise
    if not 1 <= answer.port <= 65535:
        raise UnreachableError(f"the colony at {colony} says that it serves agents at port {answer.port}")
    return format_address(host, answer.port)
