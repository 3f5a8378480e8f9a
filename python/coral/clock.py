"""Clocks are passed in, so that tests drive time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """A source of wall-clock time."""

    def now(self) -> datetime:
        """The current time, UTC, without a zone attached (as DuckDB's TIMESTAMP is)."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current time, UTC, naive."""
        return datetime.fromtimestamp(time.time(), UTC).replace(tzinfo=None)


class FixedClock:
    """A clock that stands until it is moved; for tests and replays."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """The time last set."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Moves the clock on by a non-negative amount."""
        self._now += by


class ClockWatch:
    """Notices when the wall clock was set, by comparing it with the monotonic clock.

    A machine that slept looks the same where the monotonic clock stands still meanwhile; both are worth
    knowing, because data of that time are missing or misplaced. Slow drift is no jump: each look is
    compared with the one before. Not thread-safe.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        least: timedelta = timedelta(seconds=2),
    ) -> None:
        """Takes the first look.

        Args:
            clock: The wall clock.
            monotonic: Seconds that never go back.
            least: What counts as a jump; less is what NTP does by itself.
        """
        self._clock = clock
        self._monotonic = monotonic
        self._least = least
        self._last = (clock.now(), monotonic())
        self.jumps = 0
        """Jumps seen since the start."""

    def look(self) -> timedelta | None:
        """How far the clock was set forward (or, negative, back) since the last look, or None."""
        now, mark = self._clock.now(), self._monotonic()
        was, was_mark = self._last
        self._last = (now, mark)
        jump = (now - was) - timedelta(seconds=mark - was_mark)
        if abs(jump) < self._least:
            return None
        self.jumps += 1
        return jump


_ASKED: ContextVar[datetime | None] = ContextVar("coral_asked_time", default=None)


class AskedClock:
    """The time that whoever asks says it is (`as_of`); another clock's where nobody says.

    What runs in tasks and threads that are started within `as_of` sees its time too.
    """

    def __init__(self, otherwise: Clock) -> None:
        self._otherwise = otherwise

    def now(self) -> datetime:
        """The time within `as_of`, else the other clock's."""
        return _ASKED.get() or self._otherwise.now()


@contextmanager
def as_of(time: datetime | None) -> Iterator[None]:
    """Lets an `AskedClock` say a time (UTC, naive) within the block; None leaves it alone."""
    token = _ASKED.set(time)
    try:
        yield
    finally:
        _ASKED.reset(token)
