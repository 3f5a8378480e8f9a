"""Asks a colony how it and its agents are doing."""

from __future__ import annotations

from typing import Final

import grpc

from coral._proto.colony.v1 import status_pb2, status_pb2_grpc
from coral.config.access import CLEAR, Access
from coral.wire.channels import open_channel
from coral.wire.status import from_rpc_error

_CALL_SECONDS: Final = 10.0


def get_status(address: str, access: Access = CLEAR) -> status_pb2.GetStatusResponse:
    """The state of the colony at HOST:PORT and of every agent seen within a day.

    Raises:
        UnreachableError: Nothing answers there.
        StorageError: The colony's store cannot be read.
    """
    with open_channel(address, access) as channel:
        stub = status_pb2_grpc.StatusServiceStub(channel)
        try:
            return stub.GetStatus(status_pb2.GetStatusRequest(), timeout=_CALL_SECONDS)
        except grpc.RpcError as error:
            raise from_rpc_error(error, address=address, access=access) from error
