"""Which queries run and ran lately; slow ones are logged."""

from __future__ import annotations

import itertools
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from coral.query_limits import MAX_RECENT_QUERIES, MAX_SHOWN_SQL, SLOW_QUERY_SECONDS

_log = logging.getLogger(__name__)


@dataclass
class QueryEntry:
    """One query.

    Attributes:
        id: Its number, unique in this process.
        caller: Who asked.
        sql: The statement, cut at `MAX_SHOWN_SQL`.
        arrived_at: When, UTC.
        state: `queued`, `running`, or how it ended, one of `pool.ENDINGS`.
        seconds: How long it took from its arrival; of one that has not ended, until now.
        row_count: Rows that it answered.
    """

    id: int
    caller: str
    sql: str
    arrived_at: datetime
    state: str = "queued"
    row_count: int = 0
    cancelled: bool = False
    kill: Callable[[], None] = field(default=lambda: None, repr=False)
    _started: float = field(default_factory=time.monotonic, repr=False)
    _took: float | None = field(default=None, repr=False)

    @property
    def seconds(self) -> float:
        """See above."""
        return time.monotonic() - self._started if self._took is None else self._took

    def end(self, state: str) -> None:
        """Notes how it ended."""
        self._took = time.monotonic() - self._started
        self.state = state


class Journal:
    """The queries of one process. Used from one event loop."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._active: dict[int, QueryEntry] = {}
        self._recent: deque[QueryEntry] = deque(maxlen=MAX_RECENT_QUERIES)

    def begin(self, caller: str, sql: str) -> QueryEntry:
        """Notes a query that arrived."""
        entry = QueryEntry(next(self._numbers), caller, sql[:MAX_SHOWN_SQL], datetime.now(UTC))
        self._active[entry.id] = entry
        return entry

    def end(self, entry: QueryEntry, state: str) -> None:
        """Notes how a query ended, and logs it when it was slow."""
        entry.end(state)
        del self._active[entry.id]
        self._recent.append(entry)
        if entry.seconds >= SLOW_QUERY_SECONDS:
            _log.warning(
                "slow query %d of %s: %s after %.2f s, %d rows: %s",
                entry.id,
                entry.caller or "an unknown caller",
                state,
                entry.seconds,
                entry.row_count,
                " ".join(entry.sql.split()),
            )

    def entries(self) -> list[QueryEntry]:
        """Those that run or wait, then those that ended, newest first."""
        return [*self._active.values(), *reversed(self._recent)]

    def cancel(self, number: int) -> bool:
        """Ends a query that runs or waits; False when there is none with this number."""
        entry = self._active.get(number)
        if entry is None:
            return False
        entry.cancelled = True
        entry.kill()
        return True
