"""Jumps of the wall clock, for people."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from coral.model.durations import format_duration_ns

TOLD_SECONDS: Final = 3600.0
"""How long a jump is told of as a problem."""


class ClockJumps:
    """Remembers the last jump of the wall clock for an hour."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._last: tuple[float, timedelta] | None = None

    def note(self, jump: timedelta) -> None:
        """Remembers a jump."""
        self._last = (self._monotonic(), jump)

    def __call__(self) -> list[str]:
        """At most one sentence."""
        if self._last is None or self._monotonic() - self._last[0] > TOLD_SECONDS:
            return []
        return [
            f"The wall clock was {describe_jump(self._last[1])}; data around it lie in the wrong minutes."
        ]


def describe_jump(jump: timedelta) -> str:
    """A jump in words, for example `set back by 1h`."""
    way = "set forward by" if jump > timedelta(0) else "set back by"
    return f"{way} {format_duration_ns(round(abs(jump).total_seconds()) * 10**9)}"
