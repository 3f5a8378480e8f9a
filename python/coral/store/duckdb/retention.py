"""When stored data go: by time, by size, and by a clock that may jump."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from coral.clock import Clock
from coral.limits import CLOCK_JUMP_SECONDS, CLOCK_STABLE_SECONDS
from coral.store.api import Segment

_log = logging.getLogger(__name__)
_FUTURE_TOLERANCE: Final = timedelta(seconds=CLOCK_JUMP_SECONDS)


@dataclass(frozen=True)
class Retention:
    """How long and how much a store keeps.

    Data expire by their arrival, so that no time which a client wrote into them can pin or drop them.
    A segment expires as a whole, when its newest row does.

    Attributes:
        default: Age of arrival at which segments are dropped.
        by_table: Other ages for some tables; None keeps a table's segments for ever.
        max_bytes: What segments and database may take of the disk; None is no limit.
        given_up_first: Tables whose oldest segments go when there is too much, or no room on the disk.
    """

    default: timedelta
    by_table: Mapping[str, timedelta | None] = field(default_factory=dict)
    max_bytes: int | None = None
    given_up_first: tuple[str, ...] = ()

    def of(self, table: str) -> timedelta | None:
        """The age at which a table's segments are dropped."""
        return self.by_table.get(table, self.default)

    def expired(self, segments: Sequence[Segment], *, now: datetime) -> list[Segment]:
        """Segments whose time is over."""
        return [
            segment
            for segment in segments
            if (age := self.of(segment.table)) is not None and segment.created_at < now - age
        ]

    def oldest(self, segments: Sequence[Segment], *, excess: int) -> list[Segment]:
        """The oldest segments of raw tables that together take at least `excess` bytes, or all of them."""
        chosen: list[Segment] = []
        raw = [segment for segment in segments if segment.table in self.given_up_first]
        for segment in sorted(raw, key=lambda s: (s.created_at, s.last_seq)):
            if excess <= 0:
                break
            chosen.append(segment)
            excess -= segment.size_bytes
        return chosen


def from_the_future(segments: Sequence[Segment], *, now: datetime) -> list[Segment]:
    """Segments that arrived by a clock which was ahead: they would outlive their time."""
    return [segment for segment in segments if segment.created_at > now + _FUTURE_TOLERANCE]


class SteadyClock:
    """A wall clock that says when it cannot be trusted for deleting.

    A clock that jumps ahead would expire everything at once. So wall time is compared with monotonic
    time at each question; after a jump, in either direction, there is no answer until the clock has run
    evenly for `CLOCK_STABLE_SECONDS`. Data that are too old by then do expire: a machine that slept
    looks the same as a clock that was set right.
    """

    def __init__(self, clock: Clock, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Starts to compare.

        Args:
            clock: The wall clock.
            monotonic: Seconds that never jump.
        """
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._wall, self._ticks = clock.now(), monotonic()
        self._jumped_at: float | None = None

    def now(self) -> datetime | None:
        """The time, UTC; None while the clock is not trusted."""
        with self._lock:
            wall, ticks = self._clock.now(), self._monotonic()
            moved = (wall - self._wall).total_seconds() - (ticks - self._ticks)
            self._wall, self._ticks = wall, ticks
            if abs(moved) > CLOCK_JUMP_SECONDS:
                _log.warning(
                    "the clock jumped by %.0f s; nothing expires until it has run evenly for %.0f s",
                    moved,
                    CLOCK_STABLE_SECONDS,
                )
                self._jumped_at = ticks
            if self._jumped_at is not None:
                if ticks - self._jumped_at < CLOCK_STABLE_SECONDS:
                    return None
                _log.info("the clock has run evenly again, data expire by it")
                self._jumped_at = None
            return wall
