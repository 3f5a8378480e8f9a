"""Places for queries, handed out fairly between callers."""

from __future__ import annotations

import asyncio
from collections import Counter, deque

from coral.errors import OverloadedError
from coral.query_limits import QueryLimits, how_to_raise


class FairSlots:
    """`QueryLimits.at_once` places. Used from one event loop.

    A place that becomes free goes to the caller who has the fewest, and among those to the one who waits for
    the longest time.
    """

    def __init__(self, limits: QueryLimits) -> None:
        self._limits = limits
        self._running: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @property
    def running(self) -> int:
        """Places that are taken."""
        return self._running.total()

    @property
    def waiting(self) -> int:
        """Queries that wait for one."""
        return sum(map(len, self._waiting.values()))

    async def acquire(self, caller: str) -> None:
        """Takes a place, or waits for it.

        Args:
            caller: Whose query it is.

        Raises:
            OverloadedError: Too many wait already.
        """
        if not self._waiting and self._free(caller):
            self._running[caller] += 1
            return
        limits = self._limits
        hint = f"retry later; {how_to_raise('queue')}"
        if self.waiting >= limits.queue:
            raise OverloadedError(f"{limits.queue} queries are waiting, the limit query.queue", hint=hint)
        if len(self._waiting.get(caller, ())) >= limits.queue_per_caller:
            raise OverloadedError(
                f"{limits.queue_per_caller} of your queries are waiting, all that one caller may have of the"
                f" limit query.queue ({limits.queue})",
                hint=hint,
            )
        queue = self._waiting.setdefault(caller, deque())
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        self._hand_out()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(caller)
            else:
                self._forget(caller, turn)
            raise

    def release(self, caller: str) -> None:
        """Gives a place back."""
        self._running[caller] -= 1
        if self._running[caller] <= 0:
            del self._running[caller]
        self._hand_out()

    def _free(self, caller: str) -> bool:
        limits = self._limits
        return self.running < limits.at_once and self._running[caller] < limits.at_once_per_caller

    def _hand_out(self) -> None:
        while True:
            ready = [caller for caller in self._waiting if self._free(caller)]
            if not ready:
                return
            caller = min(ready, key=lambda caller: self._running[caller])  # the first of equals waits longest
            turn = self._waiting[caller].popleft()
            rest = self._waiting.pop(caller)
            if rest:  # its next query waits behind those of others
                self._waiting[caller] = rest
            if not turn.done():
                self._running[caller] += 1
                turn.set_result(None)

    def _forget(self, caller: str, turn: asyncio.Future[None]) -> None:
        queue = self._waiting.get(caller)
        if queue is not None and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._waiting[caller]
