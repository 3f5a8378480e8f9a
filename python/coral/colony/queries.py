"""QueriesService: what SQL runs in this colony, and how to end it."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

import grpc

from coral._proto.colony.v1 import queries_pb2 as pb
from coral._proto.colony.v1 import queries_pb2_grpc
from coral.errors import CoralError, NotFoundError
from coral.store.guard.journal import Journal, QueryEntry
from coral.wire.page_tokens import decode_token, encode_token
from coral.wire.status import abort
from coral.wire.times import to_duration, to_timestamp

if TYPE_CHECKING:
    _Context = grpc.aio.ServicerContext[Any, Any]

_MAX_PAGE = 1000


class QueriesServicer(queries_pb2_grpc.QueriesServiceServicer):
    """Serves a `Journal`. The methods are documented in the contract, `queries.proto`."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def ListQueries(self, request: pb.ListQueriesRequest, context: _Context) -> pb.ListQueriesResponse:
        """See the RPC."""
        try:
            after = decode_token(request.page_token, (int,))
        except CoralError as error:
            await abort(context, error)
        start = 0 if after is None else max(0, after[0])
        end = start + min(request.page_size if request.page_size > 0 else _MAX_PAGE, _MAX_PAGE)
        entries = self._journal.entries()
        return pb.ListQueriesResponse(
            queries=[_info(entry) for entry in entries[start:end]],
            next_page_token=encode_token(end) if end < len(entries) else "",
        )

    async def CancelQuery(self, request: pb.CancelQueryRequest, context: _Context) -> pb.CancelQueryResponse:
        """See the RPC."""
        if not self._journal.cancel(request.id):
            await abort(
                context,
                NotFoundError(f"no query {request.id} runs or waits", hint="coral queries lists them"),
            )
        return pb.CancelQueryResponse()


def _info(entry: QueryEntry) -> pb.QueryInfo:
    return pb.QueryInfo(
        id=entry.id,
        caller=entry.caller,
        sql=entry.sql,
        arrived_at=to_timestamp(entry.arrived_at.astimezone(UTC).replace(tzinfo=None)),
        state=entry.state,
        elapsed=to_duration(round(entry.seconds * 1e9)),
        row_count=entry.row_count,
    )
