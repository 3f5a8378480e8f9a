"""The newest minutes of rollups in memory, so that the usual questions need no database.

Most questions are about the last minutes, and planning a statement over many segments costs more than
answering it. So the rows of each commit are merged into one small packed histogram per service and
minute. The newest minutes are kept as long as they fit into `RECENT_ROLLUPS_BYTES`; what is older comes
from the store. Both give the same numbers, because merging histograms is exact.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Final

import pyarrow as pa

from coral.clock import Clock
from coral.limits import RECENT_ROLLUPS_BYTES, RECENT_ROLLUPS_MINUTES
from coral.query.coarse import coarse_past
from coral.query.requests import BySource, Key, Requests, merged_requests
from coral.store.api import Store

_EPOCH: Final = datetime(1970, 1, 1)
_AHEAD: Final = 60  # minutes that an agent's clock may run ahead
_MAX_SKIPPED: Final = 10_000
_FOREVER: Final = 2**62
_ENTRY_OVERHEAD: Final = 160  # of a packed entry: the bytes object and its place in two dicts
_LOAD_SECONDS: Final = 2.0
_LOAD_ROWS: Final = 100_000
_STEP: Final = 100  # entries that are merged at once: some 2 ms of the event loop
_MERGED_HERE_ROWS: Final = 300  # more are merged by a thread


@dataclass(frozen=True)
class RecentStatistics:
    """What is in memory.

    Attributes:
        entries: Packed histograms.
        size_bytes: About what they take.
        since: First minute that is complete in memory, UTC; None when none is.
    """

    entries: int
    size_bytes: int
    since: datetime | None


class RecentRollups:
    """The newest minutes. Used from one event loop."""

    def __init__(self, clock: Clock, *, max_bytes: int = RECENT_ROLLUPS_BYTES) -> None:
        self._clock = clock
        self._max_bytes = max_bytes
        self._minutes: dict[int, dict[tuple[str, bool], bytes]] = {}  # by (service, from metrics)
        self._bytes = 0
        self._entries = 0
        # Rows of this minute and of all later ones are here, but for those of skipped minutes.
        self._since = _minute_of(clock.now())
        self._skipped: set[int] = set()  # too far in the future to keep
        self._until = _FOREVER  # of this minute and later ones nothing is known

    def load(self, store: Store) -> None:
        """Fills it from the store, newest first, for at most some seconds; blocking, before any commit."""
        now = _minute_of(self._clock.now())
        deadline = time.monotonic() + _LOAD_SECONDS
        oldest = now - RECENT_ROLLUPS_MINUTES
        for _, end in coarse_past(store):  # no single minutes there
            oldest = max(oldest, _minute_of(end))
        sizes = store.query(
            "SELECT bucket_time, count(*) FROM rollups WHERE bucket_time >= $start GROUP BY ALL"
            " ORDER BY bucket_time DESC",
            {"start": _time_of(oldest)},
            since={"rollups": _time_of(oldest)},
        )
        self._since = now + _AHEAD + 1
        for at, _ in sizes:
            if (minute := _minute_of(at)) >= self._since:
                self._skip(minute)
        pending = [(_minute_of(at), rows) for at, rows in sizes if _minute_of(at) < self._since]
        while pending and time.monotonic() < deadline and self._bytes < self._max_bytes // 2:
            taken, rows = 0, 0
            while taken < len(pending) and (not taken or rows + pending[taken][1] <= _LOAD_ROWS):
                rows += pending[taken][1]
                taken += 1
            first = pending[taken - 1][0]
            self._load_range(store, first, self._since)
            self._since = first
            del pending[:taken]
        if not pending:
            self._since = oldest

    async def committed(self, tables: Mapping[str, pa.Table]) -> None:
        """Takes over the rollups of a commit; others have their turn meanwhile."""
        rows = tables.get("rollups")
        if rows is None or not rows.num_rows:
            return
        if rows.num_rows <= _MERGED_HERE_ROWS:
            self.add(rows)
            return
        merged = await asyncio.to_thread(merged_requests, rows)
        for start in range(0, len(merged), _STEP):
            self._add(merged[start : start + _STEP])
            await asyncio.sleep(0)

    def add(self, rows: pa.Table) -> None:
        """Merges rows of `rollups` that are in the store now."""
        self._add(merged_requests(rows))

    def _add(self, merged: Sequence[tuple[Key, Requests]]) -> None:
        ahead = _minute_of(self._clock.now()) + _AHEAD
        for (minute, service, from_metrics), requests in merged:
            if minute > ahead:
                self._skip(minute)
            elif minute >= self._since:
                self._merge(minute, (service, from_metrics), requests)
        self._evict()

    def forget_before(self, time_: datetime) -> None:
        """Drops minutes before a time, because the store no longer has them as single minutes."""
        self._since = max(self._since, _minute_of(time_))
        self._evict()

    def read(self, service: str, start: datetime, end: datetime) -> tuple[BySource, datetime]:
        """What is known of a service in a window of whole minutes.

        Returns:
            The requests, and the time before which the store must be asked as well: at most `start`
            when everything is here, `end` when nothing is.
        """
        found = BySource()
        return found, self._read(service, start, end, lambda _: found)

    def read_series(
        self, service: str, start: datetime, end: datetime, step: timedelta
    ) -> tuple[dict[datetime, BySource], datetime]:
        """The same in steps, which begin at multiples of their length; empty ones are left out."""
        found: dict[datetime, BySource] = {}

        def step_of(minute: int) -> BySource:
            at = _time_of(minute)
            return found.setdefault(at - (at - _EPOCH) % step, BySource())

        return found, self._read(service, start, end, step_of)

    def _read(
        self, service: str, start: datetime, end: datetime, into: Callable[[int], BySource]
    ) -> datetime:
        first, last = _minute_of(start), _minute_of(end)
        if last - first > RECENT_ROLLUPS_MINUTES or last > self._until:
            return end
        if self._skipped and any(first <= minute < last for minute in self._skipped):
            return end
        since = min(max(first, self._since), last)
        for minute in range(since, last):
            if (services := self._minutes.get(minute)) is not None:
                if (packed := services.get((service, False))) is not None:
                    into(minute).spans.add_packed(packed)
                if (packed := services.get((service, True))) is not None:
                    into(minute).metrics.add_packed(packed)
        return _time_of(since)

    def statistics(self) -> RecentStatistics:
        """Figures as of now."""
        since = _time_of(self._since) if self._minutes else None
        return RecentStatistics(self._entries, self._bytes, since)

    def _load_range(self, store: Store, first: int, end: int) -> None:
        values = {"start": _time_of(first), "end": _time_of(end)}
        for at, service, from_metrics, *row, indexes, counts in store.query(
            _load_sql(), values, since={"rollups": values["start"]}
        ):
            requests = Requests()
            count, errors, smallest, largest = row
            requests.add(count, errors, smallest, largest, zip(indexes, counts, strict=True))
            self._merge(_minute_of(at), (service, from_metrics), requests)

    def _merge(self, minute: int, key: tuple[str, bool], requests: Requests) -> None:
        services = self._minutes.setdefault(minute, {})
        if (known := services.get(key)) is not None:
            requests.add_packed(known)
            self._bytes -= len(known)
        else:
            self._bytes += _ENTRY_OVERHEAD
            self._entries += 1
        packed = requests.packed()
        services[key] = packed
        self._bytes += len(packed)

    def _skip(self, minute: int) -> None:
        if minute >= self._until:
            return
        self._skipped.add(minute)
        if len(self._skipped) > _MAX_SKIPPED:
            # Some agent makes up times. Remember the nearer half one by one; the rest is left to the store.
            nearest = sorted(self._skipped)
            self._until = nearest[_MAX_SKIPPED // 2]
            self._skipped = set(nearest[: _MAX_SKIPPED // 2])

    def _evict(self) -> None:
        self._since = max(self._since, _minute_of(self._clock.now()) - RECENT_ROLLUPS_MINUTES)
        while self._minutes and (self._bytes > self._max_bytes or min(self._minutes) < self._since):
            oldest = min(self._minutes)
            gone = self._minutes.pop(oldest)
            self._entries -= len(gone)
            self._bytes -= sum(map(len, gone.values())) + _ENTRY_OVERHEAD * len(gone)
            self._since = max(self._since, oldest + 1)
        if self._skipped:
            self._skipped = {minute for minute in self._skipped if minute >= self._since}


@cache
def _load_sql() -> str:
    return (resources.files("coral.query") / "sql" / "recent_rollups.sql").read_text(encoding="utf-8")


def _minute_of(time_: datetime) -> int:
    return (time_ - _EPOCH) // timedelta(minutes=1)


def _time_of(minute: int) -> datetime:
    return _EPOCH + timedelta(minutes=minute)
