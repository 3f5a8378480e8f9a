"""Events that scripts emitted, of a colony: those there are, and those that come."""

from __future__ import annotations

from types import TracebackType

import grpc

from coral._proto.colony.v1 import query_pb2 as pb
from coral._proto.colony.v1 import query_pb2_grpc
from coral.config.access import CLEAR, Access
from coral.limits import MAX_PAGE_SIZE
from coral.wire.channels import open_channel
from coral.wire.status import from_rpc_error

_CALL_SECONDS = 10.0


class EventsClient:
    """A connection to a colony; a context manager."""

    def __init__(self, address: str, access: Access = CLEAR) -> None:
        self._address = address
        self._access = access
        self._channel = open_channel(address, access)
        self._query = query_pb2_grpc.QueryServiceStub(self._channel)

    def __enter__(self) -> EventsClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()

    def events(self, request: pb.QueryEventsRequest, *, limit: int) -> tuple[list[pb.EmittedEvent], bool]:
        """Events that match a request, newest first, and whether there are more.

        Args:
            request: Which events; its `page_size` and `page_token` are filled in.
            limit: Events at most, over as many pages as it takes.

        Raises:
            UnreachableError: Nothing answers.
            UsageError: The request cannot be used.
        """
        asked = pb.QueryEventsRequest()
        asked.CopyFrom(request)
        found: list[pb.EmittedEvent] = []
        while True:
            asked.page_size = min(limit - len(found), MAX_PAGE_SIZE)
            try:
                page = self._query.QueryEvents(asked, timeout=_CALL_SECONDS)
            except grpc.RpcError as error:
                raise from_rpc_error(error, address=self._address, access=self._access) from error
            found += page.events
            asked.page_token = page.next_page_token
            if not page.next_page_token or len(found) >= limit:
                return found, bool(page.next_page_token)
