"""Series and histograms have the numbers that percentiles and counts have, wherever the minutes are kept."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from coral._proto.colony.v1 import query_pb2 as pb
from coral.clock import FixedClock
from coral.errors import NoDataError, UsageError
from coral.model.histogram import bucket_of
from coral.query.helpers import Helpers, Window
from coral.query.recent import RecentRollups
from coral.query.series import Plots, Steps, histogram_buckets
from coral.store.duckdb.store import DuckDBStore
from coral.wire.times import from_timestamp
from tests.query.test_recent import commit, minutes_until, random_rows
from tests.store.test_tiers import Colony, rollup_rows

NOW = datetime(2026, 11, 23, 12, 0, 30)
MINUTE = timedelta(minutes=1)
METRIC = "http.server.duration"
SERVICES = ("payments", "orders", "both", "metered")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def store(tmp_path: Path, clock: FixedClock) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(
        tmp_path / "data", kind="colony", retention=timedelta(days=7), clock=clock, seal_interval=0
    )
    yield opened
    opened.close()


def ask_series(
    plots: Plots, service: str, length: timedelta, step: timedelta | None, metric: str = METRIC
) -> pb.GetSeriesResponse:
    return asyncio.run(plots.series(service, metric, length, step, pb.Completeness()))


def ask_histogram(plots: Plots, service: str, length: timedelta, most: int = 0) -> pb.GetHistogramResponse:
    return asyncio.run(plots.histogram(service, METRIC, length, most, pb.Completeness()))


def agrees(helpers: Helpers, service: str, answer: pb.GetSeriesResponse) -> int:
    """Holds every point against the helpers' answer for the same time; gives the number of requests.

    For services that have either spans or metrics: a series chooses between them once.
    """
    step = answer.step.ToTimedelta()
    start, end = from_timestamp(answer.window.start), from_timestamp(answer.window.end)
    assert [from_timestamp(point.start_time) for point in answer.points] == [
        start + n * step for n in range(-(-(end - start) // step))
    ]
    for point in answer.points:
        at = from_timestamp(point.start_time)
        window = Window(at, min(at + step, end), step)
        if point.request_count == 0:
            assert [field.name for field, _ in point.ListFields()] == ["start_time"]
            continue
        found = helpers.requests(service, window)
        assert (point.request_count, point.error_count) == (found.count, found.errors)
        assert point.error_rate == found.errors / found.count
        for q, value in ((0.5, point.p50), (0.95, point.p95), (0.99, point.p99)):
            assert value == helpers.percentile(service, METRIC, q, window).value_ns
    total = sum(point.request_count for point in answer.points)
    assert total == helpers.requests(service, Window(start, end, end - start)).count
    return total


@pytest.mark.parametrize(
    ("service", "max_bytes"),
    [("payments", 1 << 24), ("orders", 1 << 24), ("metered", 1 << 24), ("payments", 6_000), ("payments", 0)],
)
def test_every_point_is_what_the_helpers_say_of_its_time(
    store: DuckDBStore, clock: FixedClock, max_bytes: int, service: str
) -> None:
    draw = random.Random(max_bytes)
    minutes = minutes_until(NOW, 90)
    gap = set(minutes[20:33])
    commit(store, None, random_rows(draw, [at for at in minutes if at not in gap], 150))
    store.seal()
    recent = RecentRollups(clock, max_bytes=max_bytes)
    recent.load(store)
    commit(store, recent, random_rows(draw, minutes_until(NOW, 3), 40))
    helpers = Helpers(store, clock, recent)
    plots, alone = Plots(store, helpers), Plots(store, Helpers(store, clock))
    for minutes_back, step in ((5, 1), (30, None), (90, 7), (90, 30), (90, 1440)):
        length = timedelta(minutes=minutes_back)
        asked = None if step is None else timedelta(minutes=step)
        answer = ask_series(plots, service, length, asked)
        assert agrees(helpers, service, answer) > 0
        assert answer == ask_series(alone, service, length, asked)
        assert len(answer.points) == 1 or any(point.request_count for point in answer.points)
    whole = ask_series(plots, service, timedelta(minutes=90), MINUTE)
    empty = {from_timestamp(point.start_time) for point in whole.points if not point.request_count}
    assert gap <= empty
    counts = helpers.requests(service, helpers.window(timedelta(minutes=90)))
    assert sum(point.request_count for point in whole.points) == counts.count
    assert sum(point.error_count for point in whole.points) == counts.errors


def test_a_series_of_spans_does_not_mix_metrics_in(store: DuckDBStore, clock: FixedClock) -> None:
    rows = random_rows(random.Random(4), minutes_until(NOW, 30), 200)
    kinds = rows["kind"].to_pylist()
    names = rows["service_name"].to_pylist()
    times = rows["bucket_time"].to_pylist()
    early = NOW - timedelta(minutes=15)
    commit(
        store,
        None,
        rows.filter(
            [k != "SERVER" or n != "both" or t < early for k, n, t in zip(kinds, names, times, strict=True)]
        ),
    )
    plots = Plots(store, Helpers(store, clock))
    answer = ask_series(plots, "both", timedelta(minutes=30), MINUTE)
    assert all(
        not point.request_count for point in answer.points if from_timestamp(point.start_time) >= early
    )
    later = ask_series(plots, "both", timedelta(minutes=14), MINUTE)
    assert any(point.request_count for point in later.points)


def test_without_data_the_error_names_what_was_asked(store: DuckDBStore, clock: FixedClock) -> None:
    commit(store, None, random_rows(random.Random(1), minutes_until(NOW, 5), 20))
    plots = Plots(store, Helpers(store, clock))
    for service, metric in (("silent", METRIC), ("payments", "queue.depth")):
        with pytest.raises(NoDataError) as caught:
            ask_series(plots, service, timedelta(minutes=30), None, metric)
        assert caught.value.fields == {"service": service, "metric": metric, "window": "30m"}
    with pytest.raises(NoDataError):
        ask_histogram(plots, "silent", timedelta(minutes=5))


@pytest.mark.parametrize(
    ("length", "step", "points"),
    [
        ("5m", None, 6),
        ("1h", None, 61),
        ("1d", None, 49),
        ("30d", None, 61),
        ("365d", None, 53),
        ("9d", timedelta(seconds=1), "are 12961 points, expected at most 1000"),
        ("1h", timedelta(seconds=1), 61),
        ("1h", timedelta(seconds=61), 31),
    ],
)
def test_steps_are_whole_minutes_and_points_are_bounded(
    length: str, step: timedelta | None, points: int | str
) -> None:
    number, unit = int(length[:-1]), {"m": "minutes", "h": "hours", "d": "days"}[length[-1]]
    window = Window.ending_now(timedelta(**{unit: number}), FixedClock(NOW))
    if isinstance(points, str):
        with pytest.raises(UsageError, match=points):
            Steps.of(window, step)
        return
    found = list(Steps.of(window, step))
    assert len(found) == points
    assert found[0] <= NOW - window.asked < found[0] + (found[1] - found[0])


def test_a_histogram_holds_the_quantiles(store: DuckDBStore, clock: FixedClock) -> None:
    commit(store, None, random_rows(random.Random(2), minutes_until(NOW, 30), 200))
    helpers = Helpers(store, clock)
    plots = Plots(store, helpers)
    length = timedelta(minutes=30)
    window = helpers.window(length)
    for service, most in itertools.product(SERVICES, (1, 10, 64, 4096)):
        answer = ask_histogram(plots, service, length, most)
        assert 1 <= len(answer.buckets) <= most
        found = helpers.requests(service, window)
        assert sum(bucket.count for bucket in answer.buckets) == answer.sample_count == found.count
        assert all(a.upper == b.lower for a, b in itertools.pairwise(answer.buckets))
        assert all(bucket.count for bucket in (answer.buckets[0], answer.buckets[-1]))
        assert answer.buckets[0].lower <= answer.smallest
        assert answer.largest <= answer.buckets[-1].upper
        # The two ranks around a quantile lie in one bucket, or in two: the quantile is between their bounds.
        for q in (0.0, 0.5, 0.95, 0.99, 1.0):
            value = helpers.percentile(service, METRIC, q, window).value_ns
            rank = q * (found.count - 1)
            low, high = bucket_at(answer, int(rank)), bucket_at(answer, -int(-rank // 1))
            assert low.lower <= value <= high.upper
    assert len(ask_histogram(plots, "payments", length).buckets) <= 64
    with pytest.raises(UsageError, match="max_buckets is 4097"):
        ask_histogram(plots, "payments", length, 4097)


def bucket_at(answer: pb.GetHistogramResponse, rank: int) -> pb.HistogramBucket:
    for bucket in answer.buckets:
        if (rank := rank - bucket.count) < 0:
            return bucket
    raise AssertionError("no such rank")


def test_bounds_of_buckets_are_those_of_the_values() -> None:
    draw = random.Random(3)
    for most in (1, 2, 7, 40):
        values = [0, 1, 2, *(int(draw.lognormvariate(15, 4)) for _ in range(500))]
        counts: dict[int, int] = {}
        for value in values:
            counts[bucket_of(value)] = counts.get(bucket_of(value), 0) + 1
        buckets = histogram_buckets(counts, most)
        assert len(buckets) <= most
        for bucket in buckets:
            inside = [v for v in values if bucket.lower < v <= bucket.upper or (v == 0 and bucket.lower == 0)]
            assert bucket.count == pytest.approx(
                len(inside), abs=1
            )  # a bound may fall on either side by rounding


def test_steps_become_as_long_as_the_buckets_of_the_past(tmp_path: Path) -> None:
    start = datetime(2026, 3, 1)
    clock = FixedClock(start)
    colony = Colony(tmp_path, clock)
    draw = random.Random(1)
    try:
        for day in (1, 40, 100, 118):
            clock.advance(start + timedelta(days=day, hours=1) - clock.now())
            times = [start + timedelta(days=day, minutes=draw.randrange(60)) for _ in range(20)]
            rows = [row for row in rollup_rows(draw, times, 60) if row["kind"] != "METRIC"]
            colony.add("rollups", rows)
            colony.store.seal()
        clock.advance(start + timedelta(days=120) - clock.now())
        colony.settle()
        helpers = Helpers(colony.store, clock)
        plots = Plots(colony.store, helpers)
        for days, asked, step, noted in (
            (3, timedelta(minutes=10), timedelta(minutes=10), False),
            (30, timedelta(hours=1), timedelta(hours=1), False),
            (30, timedelta(minutes=50), timedelta(hours=1), True),
            (119, timedelta(hours=5), timedelta(days=1), True),
            (119, None, timedelta(days=7), False),
        ):
            answer = ask_series(plots, "payments", timedelta(days=days), asked)
            assert agrees(helpers, "payments", answer) > 0
            assert answer.step.ToTimedelta() == step
            assert bool(answer.completeness.notes) == noted
    finally:
        colony.store.close()
