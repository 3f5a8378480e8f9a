"""Clocks are passed in, so that tests drive time."""

from __future__ import annotations

import time
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
