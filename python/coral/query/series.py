"""Requests of a service over time, and how their durations are distributed: what plots are made of.

Both read the merged histograms that percentiles are read from, so the numbers agree.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from importlib import resources
from typing import Final

from coral._proto.colony.v1 import query_pb2 as pb
from coral.errors import UsageError
from coral.limits import MAX_HISTOGRAM_BUCKETS, MAX_SERIES_POINTS
from coral.model.durations import format_duration_ns
from coral.model.histogram import BUCKETS_PER_OCTAVE, quantile
from coral.query.coarse import coarse_past
from coral.query.helpers import Helpers, Window, no_data
from coral.query.requests import BySource, Requests
from coral.store.api import QueriedStore
from coral.wire.times import to_duration, to_timestamp

_EPOCH: Final = datetime(1970, 1, 1)
_MINUTE: Final = timedelta(minutes=1)
_LOOKS: Final = 5  # at the store, should minutes be merged into longer buckets while it is read
_USUAL_POINTS: Final = 60
_USUAL_STEPS: Final = tuple(
    timedelta(minutes=n) for n in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 10080)
)
_USUAL_BUCKETS: Final = 64


@dataclass(frozen=True)
class Steps:
    """A window in steps of one length, which begin at multiples of it; the last one ends with the window.

    Attributes:
        start: First instant that counts; a step begins there.
        end: First instant that no longer counts.
        step: The length of a step, whole minutes.
    """

    start: datetime
    end: datetime
    step: timedelta

    @classmethod
    def of(cls, window: Window, step: timedelta | None) -> Steps:
        """Divides a window, whose start moves back to that of a step.

        Args:
            window: What to look at.
            step: The length of a step, widened to whole minutes; None for a usual one.

        Raises:
            UsageError: That makes more than `MAX_SERIES_POINTS`.
        """
        if step is None:
            enough = (usual for usual in _USUAL_STEPS if window.asked <= usual * _USUAL_POINTS)
            step = next(enough, _ceiling(window.asked / _USUAL_POINTS, _USUAL_STEPS[-1]))
        step = _ceiling(step, _MINUTE)
        steps = cls(_aligned(window.start, step), window.end, step)
        if (count := math.ceil((steps.end - steps.start) / step)) > MAX_SERIES_POINTS:
            raise UsageError(
                f"{_text(window.asked)} in steps of {_text(step)} are {count} points, "
                f"expected at most {MAX_SERIES_POINTS} (MAX_SERIES_POINTS)",
                hint="ask for a longer step or a shorter window",
            )
        return steps

    def fitting(self, past: list[tuple[timedelta, datetime]]) -> Steps:
        """The steps, made long enough that no longer bucket of the past is cut by one; see `coarse_past`."""
        steps = self
        while True:
            width = max((width for width, end in past if steps.start < end), default=_MINUTE)
            step = _ceiling(steps.step, width)
            wider = Steps(_aligned(steps.start, step), steps.end, step)
            if wider == steps:
                return steps
            steps = wider

    def __iter__(self) -> Iterator[datetime]:
        """Where each step begins, oldest first."""
        at = self.start
        while at < self.end:
            yield at
            at += self.step


class Plots:
    """Answers GetSeries and GetHistogram. Used from one event loop."""

    def __init__(self, store: QueriedStore, helpers: Helpers) -> None:
        self._store = store
        self._helpers = helpers

    async def series(
        self,
        service: str,
        metric: str,
        length: timedelta,
        step: timedelta | None,
        completeness: pb.Completeness,
    ) -> pb.GetSeriesResponse:
        """See the RPC; `completeness` is taken over, with a note when steps were made longer.

        Raises:
            NoDataError: There are no such data in the whole window.
            UsageError: The points are too many.
        """
        window = self._helpers.window(length)
        self._helpers.check_metric(service, metric, window)
        steps = Steps.of(window, step)
        part = self._helpers.recent_series(service, steps.start, steps.end, steps.step)
        found, fitting = await asyncio.to_thread(self._merged, service, steps, *part)
        if fitting.step != steps.step:
            completeness.notes.append(
                f"steps are {_text(fitting.step)} long, not {_text(steps.step)}: "
                "that old data are kept in buckets of that length only"
            )
        from_spans = any(requests.spans.count for requests in found.values())
        chosen = {at: both.spans if from_spans else both.metrics for at, both in found.items()}
        if not any(requests.count for requests in chosen.values()):
            raise no_data(service, metric, window)
        return pb.GetSeriesResponse(
            points=await asyncio.to_thread(_points, fitting, chosen),
            step=to_duration(_nanoseconds(fitting.step)),
            unit="ns",
            window=pb.TimeWindow(start=to_timestamp(fitting.start), end=to_timestamp(fitting.end)),
            completeness=completeness,
        )

    async def histogram(
        self, service: str, metric: str, length: timedelta, most: int, completeness: pb.Completeness
    ) -> pb.GetHistogramResponse:
        """See the RPC; `completeness` is taken over.

        Raises:
            NoDataError: There are no such data in the window.
            UsageError: `most` is out of range.
        """
        if not 0 <= most <= MAX_HISTOGRAM_BUCKETS:
            raise UsageError(f"max_buckets is {most}, expected 0 to {MAX_HISTOGRAM_BUCKETS}")
        window = self._helpers.window(length)
        recent = self._helpers.recent(service, window)
        found, window = await asyncio.to_thread(
            partial(self._helpers.distribution, service, metric, window, recent)
        )
        return pb.GetHistogramResponse(
            buckets=histogram_buckets(found.buckets, most or _USUAL_BUCKETS),
            sample_count=found.count,
            smallest=found.smallest,
            largest=found.largest,
            unit="ns",
            window=pb.TimeWindow(start=to_timestamp(window.start), end=to_timestamp(window.end)),
            completeness=completeness,
        )

    def _merged(
        self, service: str, steps: Steps, found: dict[datetime, BySource], since: datetime
    ) -> tuple[dict[datetime, BySource], Steps]:
        """The requests of each step that has any, and the steps as they fit the data; blocking.

        Args:
            service: Whose.
            steps: Which steps were asked for.
            found: What memory knows of, `since` and later.
            since: The store must be asked for what is before.
        """
        if since <= steps.start:
            return found, steps
        past = coarse_past(self._store)
        for _ in range(_LOOKS):
            fitting = steps.fitting(past)
            if fitting.step != steps.step or any(end > since for _, end in past):
                found, since = {}, steps.end  # what memory has is in other steps, or no longer single minutes
            values = {
                "service": service,
                "start": fitting.start,
                "end": since,
                "step": fitting.step,
            }
            rows = self._store.query(_sql(), values, since={"rollups": fitting.start})
            before, past = past, coarse_past(self._store)
            if past == before:
                break
        for at, from_metrics, count, errors, smallest, largest, indexes, counts in rows:
            both = found.setdefault(at, BySource())
            into = both.metrics if from_metrics else both.spans
            into.add(count, errors, smallest, largest, zip(indexes, counts, strict=True))
        return found, fitting


def histogram_buckets(buckets: Mapping[int, int], most: int) -> list[pb.HistogramBucket]:
    """Buckets without gaps, at most so many: neighbours are put together as often as it takes.

    Args:
        buckets: Counts by the index of a bucket of `coral.model.histogram`; at least one.
        most: How many may come back, at least 1.
    """
    # Values up to 1 have buckets of their own below 0; they join the lowest regular one.
    indexes = [max(index, 0) for index, count in buckets.items() if count]
    lowest, highest = min(indexes), max(indexes)
    shift = 0
    while (highest >> shift) - (lowest >> shift) >= most:
        shift += 1
    counts: dict[int, int] = {}
    for index, count in buckets.items():
        wider = max(index, 0) >> shift
        counts[wider] = counts.get(wider, 0) + count
    octaves = (1 << shift) / BUCKETS_PER_OCTAVE
    return [
        pb.HistogramBucket(
            lower=0.0 if index == 0 else 2.0 ** (index * octaves),
            upper=2.0 ** ((index + 1) * octaves),
            count=counts.get(index, 0),
        )
        for index in range(lowest >> shift, (highest >> shift) + 1)
    ]


def _points(steps: Steps, found: Mapping[datetime, Requests]) -> list[pb.SeriesPoint]:
    points = []
    for at in steps:
        point = pb.SeriesPoint(start_time=to_timestamp(at))
        requests = found.get(at)
        if requests is not None and requests.count:
            point.request_count, point.error_count = requests.count, requests.errors
            point.error_rate = requests.errors / requests.count
            ends = {"smallest": requests.smallest, "largest": requests.largest}
            point.p50 = quantile(requests.buckets, 0.5, **ends)
            point.p95 = quantile(requests.buckets, 0.95, **ends)
            point.p99 = quantile(requests.buckets, 0.99, **ends)
        points.append(point)
    return points


@cache
def _sql() -> str:
    return (resources.files("coral.query") / "sql" / "series.sql").read_text(encoding="utf-8")


def _aligned(time: datetime, step: timedelta) -> datetime:
    return time - (time - _EPOCH) % step


def _ceiling(length: timedelta, unit: timedelta) -> timedelta:
    return -(-length // unit) * unit


def _nanoseconds(length: timedelta) -> int:
    return length // timedelta(microseconds=1) * 1000


def _text(length: timedelta) -> str:
    return format_duration_ns(_nanoseconds(length))
