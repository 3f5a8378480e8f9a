"""Our own prepared questions over a store: percentiles, rates, traces, hosts.

Each answers plain values; times are naive UTC, durations integer nanoseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any, Final

from coral.clock import Clock
from coral.errors import NoDataError, NotFoundError
from coral.model.histogram import quantile
from coral.query.coarse import coarse_past, widened
from coral.query.recent import RecentRollups
from coral.query.requests import BySource, Requests
from coral.store.api import QueriedStore

SPAN_METRICS: Final = frozenset({"http.server.duration", "http.server.request.duration"})
"""Metrics that are answered from SERVER and CONSUMER spans, in nanoseconds."""

_MINUTE: Final = timedelta(minutes=1)
_LOOKS: Final = 5  # at the store, should minutes be merged into longer buckets while it is read
_STRADDLE: Final = timedelta(minutes=5)  # spans of one trace lie this close together


@dataclass(frozen=True)
class Window:
    """A half-open span of time, widened to whole minutes.

    Attributes:
        start: First instant that counts.
        end: First instant that no longer counts.
        asked: The length before widening.
    """

    start: datetime
    end: datetime
    asked: timedelta

    @classmethod
    def ending_now(cls, length: timedelta, clock: Clock) -> Window:
        """The window of a length up to now; both ends move outwards to whole minutes."""
        now = clock.now()
        return cls(_floor(now - length), _floor(now) + _MINUTE, length)


@dataclass(frozen=True)
class Percentile:
    """A quantile in nanoseconds, how many requests it comes from, and of which window."""

    value_ns: float
    sample_count: int
    window: Window


@dataclass(frozen=True)
class RequestCounts:
    """Requests answered and failed, and in which window."""

    count: int
    errors: int
    window: Window


@dataclass(frozen=True)
class TraceFilter:
    """What traces to list; see `QueryTracesRequest`."""

    service: str
    min_ns: int
    max_ns: int
    start: datetime
    has_error: bool | None
    size: int
    after: tuple[datetime, str, str] | None


@dataclass(frozen=True)
class RecentPart:
    """Requests that memory knows of, good for one answer.

    Attributes:
        found: The requests at `since` and later.
        since: The store must be asked for what is before.
    """

    found: BySource
    since: datetime

    def complete(self, window: Window) -> bool:
        """Whether nothing is left to ask the store for."""
        return self.since <= window.start


class Helpers:
    """The questions, bound to a store and a clock. Blocking: call from a worker thread."""

    def __init__(self, store: QueriedStore, clock: Clock, recent: RecentRollups | None = None) -> None:
        self._store = store
        self._clock = clock
        self._recent = recent

    def now(self) -> datetime:
        """The time, UTC without a zone."""
        return self._clock.now()

    def window(self, length: timedelta) -> Window:
        """The window of a length up to now."""
        return Window.ending_now(length, self._clock)

    def services(self, length: timedelta | None, *, after: str, size: int) -> list[tuple[str, datetime, int]]:
        """Name, last sight and number of instances of services, by name."""
        start = datetime.min if length is None else self._clock.now() - length
        values = {"after": after, "start": start, "size": size}
        return self._rows("services", values, {"resources": None})

    def recent(self, service: str, window: Window) -> RecentPart:
        """What memory knows of a service's requests; quick, for the event loop that owns the memory."""
        if self._recent is None:
            return RecentPart(BySource(), window.end)
        found, since = self._recent.read(service, window.start, window.end)
        return RecentPart(found, since)

    def recent_series(
        self, service: str, start: datetime, end: datetime, step: timedelta
    ) -> tuple[dict[datetime, BySource], datetime]:
        """The same in steps; see `RecentRollups.read_series`."""
        if self._recent is None:
            return {}, end
        return self._recent.read_series(service, start, end, step)

    def percentile(
        self, service: str, metric: str, q: float, window: Window, recent: RecentPart | None = None
    ) -> Percentile:
        """A quantile of a duration metric.

        Args:
            service: The service's name.
            metric: The metric's name, one of `SPAN_METRICS`.
            q: The quantile, 0 to 1.
            window: When.
            recent: From `recent` for the same service and window, or None for none. Does not block
                when it is `complete`.

        Raises:
            NoDataError: There is no such data in the window.
        """
        found, window = self.distribution(service, metric, window, recent)
        value = quantile(found.buckets, q, smallest=found.smallest, largest=found.largest)
        return Percentile(value, found.count, window)

    def distribution(
        self, service: str, metric: str, window: Window, recent: RecentPart | None = None
    ) -> tuple[Requests, Window]:
        """The merged histogram that quantiles are read from, and its window; arguments as for `percentile`.

        Raises:
            NoDataError: There is no such data in the window.
        """
        self.check_metric(service, metric, window)
        found, window = self._requests("percentile", service, window, recent)
        if found.count == 0:
            raise no_data(service, metric, window)
        return found, window

    @staticmethod
    def check_metric(service: str, metric: str, window: Window) -> None:
        """Holds that requests tell of a metric.

        Raises:
            NoDataError: They do not.
        """
        if metric not in SPAN_METRICS:
            raise no_data(service, metric, window)

    def requests(self, service: str, window: Window, recent: RecentPart | None = None) -> RequestCounts:
        """Requests answered and failed; `recent` as for `percentile`.

        Raises:
            NoDataError: The service answered none in the window.
        """
        found, window = self._requests("requests", service, window, recent)
        if found.count == 0:
            raise no_data(service, "requests", window)
        return RequestCounts(found.count, found.errors, window)

    def _requests(
        self, sql: str, service: str, window: Window, recent: RecentPart | None
    ) -> tuple[Requests, Window]:
        """The requests, and the window, whose start moves back to that of the bucket that it cuts."""
        part = recent or RecentPart(BySource(), window.end)
        if part.complete(window):
            return part.found.chosen(), window
        past = coarse_past(self._store)
        for _ in range(_LOOKS):
            if any(end > part.since for _, end in past):  # minutes that memory had were merged meanwhile
                part = RecentPart(BySource(), window.end)
            widest = replace(window, start=widened(window.start, past))
            values = {"service": service, "start": widest.start, "end": part.since}
            rows = self._rows(sql, values, {"rollups": widest.start})
            before, past = past, coarse_past(self._store)
            if past == before:
                break
        for from_metrics, *row, indexes, counts in rows:
            into = part.found.metrics if from_metrics else part.found.spans
            count, errors, smallest, largest = row
            into.add(count, errors, smallest, largest, zip(indexes, counts, strict=True))
        return part.found.chosen(), widest

    def recent_traces(self, wanted: TraceFilter) -> list[tuple[Any, ...]]:
        """Rows of `trace_summary`, newest first."""
        after_time, after_trace, after_service = wanted.after or (None, "", "")
        values = {
            "service": wanted.service,
            "min_ns": wanted.min_ns,
            "max_ns": wanted.max_ns,
            "start": wanted.start,
            "has_error": wanted.has_error,
            "size": wanted.size,
            "after_time": after_time,
            "after_trace": after_trace,
            "after_service": after_service,
        }
        return self._rows("recent_traces", values, {"spans": wanted.start - _STRADDLE})

    def slow_traces(
        self, service: str, min_ns: int, start: datetime, *, size: int, after: tuple[int, str] | None
    ) -> list[tuple[Any, ...]]:
        """Rows of `trace_summary`, slowest first."""
        after_ns, after_trace = after or (None, "")
        values = {
            "service": service,
            "min_ns": min_ns,
            "start": start,
            "size": size,
            "after_ns": after_ns,
            "after_trace": after_trace,
        }
        return self._rows("slow_traces", values, {"spans": start - _STRADDLE})

    def trace(self, trace_id: str) -> list[tuple[Any, ...]]:
        """The spans of a trace.

        Raises:
            NotFoundError: None is known.
        """
        rows = self._rows("trace", {"trace_id": trace_id}, {"spans": None})
        if not rows:
            raise NotFoundError(
                f"no span of trace {trace_id} is known here",
                hint="a colony keeps a sample of traces: the slowest, the failed, and some of the rest",
                fields={"trace_id": trace_id},
            )
        return rows

    def system_metrics(self, agent_id: str, service: str, window: Window) -> list[tuple[Any, ...]]:
        """Agent, CPU percent, memory used and total, and time of the newest sample, by agent.

        Raises:
            NoDataError: No selected agent sent samples in the window.
        """
        values = {"agent_id": agent_id, "service": service, "start": window.start, "end": window.end}
        rows = self._rows("system_metrics", values, {"system_metrics": window.start, "resources": None})
        if not rows:
            raise no_data(service or agent_id or "any agent", "system metrics", window)
        return rows

    def since(self, length: timedelta) -> datetime:
        """The time that lies a length ago."""
        return self._clock.now() - length

    def _rows(
        self, name: str, values: Mapping[str, Any], since: Mapping[str, datetime | None]
    ) -> list[tuple[Any, ...]]:
        return self._store.query(_sql(name), values, since=since)


@cache
def _sql(name: str) -> str:
    return (resources.files("coral.query") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def _floor(time: datetime) -> datetime:
    return time.replace(second=0, microsecond=0)


def no_data(service: str, metric: str, window: Window) -> NoDataError:
    """The error of a question that has no answer."""
    seconds = window.asked.total_seconds()
    length = f"{seconds / 60:g}m" if seconds >= 60 else f"{seconds:g}s"
    return NoDataError(
        f"no data for {metric} of {service} in the last {length}",
        hint="check the name with `coral services`, or ask for a longer window",
        fields={"service": service, "metric": metric, "window": length},
    )
