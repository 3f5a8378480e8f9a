"""What a servicer's method gets as its context: the part of grpc.aio.ServicerContext that ours use."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NoReturn

import grpc

from coral.wire.status import DETAILS_KEY

Metadata = Sequence[tuple[str, str | bytes]]


class Aborted(Exception):
    """Ends a call as its handler wished.

    Attributes:
        code: gRPC's status code.
        message: For people.
    """

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class CallContext:
    """The context of one call."""

    def __init__(self, peer: str, deadline: float) -> None:
        """Binds a call.

        Args:
            peer: Who calls, `unix:RUN`.
            deadline: When it ends, by the event loop's clock.
        """
        self._peer = peer
        self._deadline = deadline
        self._trailing: Metadata = ()

    def peer(self) -> str:
        """Who calls."""
        return self._peer

    def time_remaining(self) -> float:
        """Seconds until the call is ended."""
        return max(0.0, self._deadline - asyncio.get_running_loop().time())

    def invocation_metadata(self) -> Metadata:
        """What the caller sent besides the request: nothing, in this transport."""
        return ()

    def set_trailing_metadata(self, trailing_metadata: Metadata) -> None:
        """Keeps what goes with the end; of it only the status details are sent."""
        self._trailing = trailing_metadata

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: Metadata = ()
    ) -> NoReturn:
        """Ends the call with an error."""
        if trailing_metadata:
            self._trailing = trailing_metadata
        raise Aborted(code, details)

    def status_details(self) -> bytes:
        """The encoded google.rpc.Status that was set; empty when there is none."""
        for key, value in self._trailing:
            if key == DETAILS_KEY and isinstance(value, bytes):
                return value
        return b""
