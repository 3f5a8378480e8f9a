"""How much of a stream may be sent before its reader asks for more."""

from __future__ import annotations

import asyncio

from coral.framed_limits import FRAMED_CREDIT_BYTES, MAX_FRAMED_CREDIT_BYTES


class Credit:
    """Bytes that may be sent. Used from one event loop."""

    def __init__(self, size_bytes: int) -> None:
        self._left = min(size_bytes if size_bytes > 0 else FRAMED_CREDIT_BYTES, MAX_FRAMED_CREDIT_BYTES)
        self._some = asyncio.Event()
        self._some.set()

    async def spend(self, size_bytes: int) -> None:
        """Waits until there is any credit, then takes from it; a message may be larger than what is left."""
        await self._some.wait()
        self._left -= size_bytes
        if self._left <= 0:
            self._some.clear()

    def grant(self, size_bytes: int) -> None:
        """Adds to it."""
        self._left = min(self._left + max(0, size_bytes), MAX_FRAMED_CREDIT_BYTES)
        if self._left > 0:
            self._some.set()
