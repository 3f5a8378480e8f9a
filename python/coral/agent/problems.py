"""What an operator should know about an agent, a sentence each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from coral.model.durations import format_duration_ns

_AWAY_SECONDS: Final = 30.0
"""A colony that is away for less is no problem: restarts take that long."""


class Delivery(Protocol):
    """What is asked of the uplink's statistics."""

    @property
    def connected(self) -> bool:
        """Whether the stream is open."""
        ...

    @property
    def last_error(self) -> str | None:
        """Why it ended last."""
        ...


class Problems:
    """Collects sentences from whoever has some. Called from any thread."""

    def __init__(self, *sources: Callable[[], Sequence[str]]) -> None:
        self._sources = list(sources)

    def add(self, source: Callable[[], Sequence[str]]) -> None:
        """Adds a source."""
        self._sources.append(source)

    def __call__(self) -> list[str]:
        """All sentences as of now; none when all is well."""
        return [problem for source in self._sources for problem in source()]


class ColonyAway:
    """Tells when the colony has been away for a while, and why."""

    def __init__(
        self,
        address: str,
        delivery: Callable[[], Delivery],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._delivery = delivery
        self._monotonic = monotonic
        self._since = monotonic()

    def __call__(self) -> list[str]:
        """At most one sentence."""
        statistics = self._delivery()
        if statistics.connected:
            self._since = self._monotonic()
            return []
        away = self._monotonic() - self._since
        if away < _AWAY_SECONDS:
            return []
        why = f": {statistics.last_error}" if statistics.last_error else ""
        duration = format_duration_ns(int(away) * 10**9)
        return [f"The colony at {self._address} has been away for {duration}{why}; data wait on disk."]
