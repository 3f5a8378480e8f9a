"""uvicorn's HTTP protocol with the bounds that it lacks: size and time of a request's head, and of a rest.

A client that never ends its headers, or sends them a byte at a time, would hold memory and a connection for
as long as it likes.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from coral.limits import HTTP_HEADER_SECONDS, MAX_HTTP_HEADER_BYTES

_LINGER_SECONDS: Final = 5.0
"""How long a client may go on sending a body that was answered already, so that it reads the answer."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection. Between requests, uvicorn's keep-alive timeout counts."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._heads = 0  # complete ones
        self._head_bytes = 0  # of the one that is coming
        self._in_head = True
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the time for the first head."""
        super().connection_made(transport)
        self._expect_by(HTTP_HEADER_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the clock."""
        self._expected()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Counts the head's bytes."""
        in_head, heads = self._in_head, self._heads
        super().data_received(data)
        # A whole request, or the end of a body, may have been in these bytes.
        if in_head and self._in_head and self._heads == heads and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HTTP_HEADER_BYTES:
                self._refuse(431, f"the head of a request is larger than {MAX_HTTP_HEADER_BYTES} bytes")

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        if self._deadline is None:
            self._expect_by(HTTP_HEADER_SECONDS)

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._in_head = False
        self._heads += 1
        self._head_bytes = 0
        self._expected()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is there: what comes next is a head."""
        self._in_head = True
        self._expected()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Where the body is still coming, it is not waited for without end."""
        if not self._in_head:
            self._expect_by(_LINGER_SECONDS)
        super().on_response_complete()

    def _expect_by(self, seconds: float) -> None:
        self._expected()
        self._deadline = self.loop.call_later(seconds, functools.partial(self._too_late, seconds))

    def _expected(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self, seconds: float) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            # An earlier request of this connection is still being answered.
            self._expect_by(seconds)
        elif self._in_head and cycle is None:
            self._refuse(408, f"the head of a request took longer than {seconds:g} s")
        else:
            self.transport.close()

    def _refuse(self, status: int, message: str) -> None:
        reason = {408: "Request Timeout", 431: "Request Header Fields Too Large"}[status]
        body = f"{message}\n".encode()
        head = f"HTTP/1.1 {status} {reason}\r\ncontent-type: text/plain; charset=utf-8\r\n"
        head += f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.transport.close()
