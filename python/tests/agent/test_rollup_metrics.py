from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from coral.agent.decode.metrics import decode_metrics
from coral.agent.group import Signal
from coral.agent.ingest import Ingest
from coral.agent.rollup import series
from coral.agent.rollup.run import Rollup
from coral.clock import FixedClock
from coral.model.histogram import ZERO_BUCKET, bucket_of, quantile
from coral.store.duckdb.store import DuckDBStore
from tests.agent.otlp import START_NS, text
from tests.agent.otlp_metrics import (
    CUMULATIVE,
    DELTA,
    NEW,
    OLD,
    SECOND,
    explicit,
    exponential,
    exponentials,
    histogram,
    labels,
    request,
)


class Agent:
    """Takes metric requests and answers what they were rolled up to."""

    def __init__(self, store: DuckDBStore, clock: FixedClock) -> None:
        self.store, self.clock = store, clock
        self.ingest = Ingest(store, agent_id="a1", clock=clock)
        self.rollup = Rollup(store, agent_id="a1", clock=clock)

    def take(self, *requests: ExportMetricsServiceRequest) -> None:
        for item in requests:
            decoded = decode_metrics(item, now_ns=START_NS)
            assert decoded.refused == 0, decoded.reason
            asyncio.run(self.ingest.store(Signal.POINTS, decoded))
        self.rollup.run()

    def restart(self) -> None:
        self.rollup = Rollup(self.store, agent_id="a1", clock=self.clock)

    def rows(self) -> list[dict[str, Any]]:
        names = "bucket_time, service_name, span_name, kind, request_count, error_count, sum_ns, min_ns, max_ns, bucket_index, bucket_count"
        found = self.store.query(
            f"SELECT {names} FROM rollups ORDER BY ingest_seq, bucket_time, service_name, span_name",
            since={"rollups": None},
        )
        return [dict(zip(names.split(", "), row, strict=True)) for row in found]

    def counted(self) -> list[tuple[str, int, int]]:
        return [(row["span_name"], row["request_count"], row["error_count"]) for row in self.rows()]

    def left_out(self) -> int:
        sql = "SELECT value FROM main.counters WHERE name = 'metric_points_not_rolled_up'"
        return int(self.store.query(sql, since={})[0][0])


@pytest.fixture
def agent(store: DuckDBStore, clock: FixedClock) -> Agent:
    return Agent(store, clock)


def quantile_of(row: dict[str, Any], q: float) -> float:
    buckets = dict(zip(row["bucket_index"], row["bucket_count"], strict=True))
    assert sum(buckets.values()) == row["request_count"]
    return quantile(buckets, q, smallest=row["min_ns"], largest=row["max_ns"])


@pytest.mark.parametrize("sdk", ["beyla", "opentelemetry-ebpf-instrumentation"])
def test_delta_histograms_of_beyla_and_obi_become_rows_by_route(agent: Agent, sdk: str) -> None:
    agent.take(
        request(
            histogram(
                explicit([0.02, 0.03, 0.04]),
                explicit([0.2], attributes=labels("/pay", 503)),
                explicit([0.3], attributes=labels("/list", 404)),
            ),
            sdk=sdk,
        )
    )
    assert agent.counted() == [("/list", 1, 0), ("/pay", 4, 1)]
    row = agent.rows()[1]
    assert (row["service_name"], row["kind"]) == ("payments", "METRIC")
    assert row["bucket_time"] == datetime(2026, 9, 21, 14, 13)
    assert row["sum_ns"] == pytest.approx(0.29e9)
    assert (row["min_ns"], row["max_ns"]) == (20_000_000, 200_000_000)


@pytest.mark.parametrize(
    ("name", "unit", "factor"),
    [(NEW, "s", 1e9), (NEW, "", 1e9), (OLD, "ms", 1e6), (OLD, "", 1e6), (OLD, "s", 1e9), (NEW, "us", 1e3), (NEW, "ns", 1.0)],
)  # fmt: skip
def test_both_conventions_answer_in_nanoseconds(agent: Agent, name: str, unit: str, factor: float) -> None:
    values = [12.0, 13.0]
    point = explicit(values, bounds=[10.0, 100.0], attributes=labels(status=500, old=name == OLD))
    agent.take(request(histogram(point, name=name, unit=unit)))
    (row,) = agent.rows()
    assert (row["request_count"], row["error_count"]) == (2, 2)
    assert (row["min_ns"], row["max_ns"]) == (round(12 * factor), round(13 * factor))
    assert row["sum_ns"] == pytest.approx(25 * factor)


def test_a_service_that_sends_both_conventions_is_counted_once(agent: Agent) -> None:
    new = histogram(explicit([0.02]))
    old = histogram(explicit([20.0], bounds=[10.0, 100.0], attributes=labels(old=True)), name=OLD, unit="ms")
    agent.take(request(old, new))
    agent.take(request(old))
    agent.take(request(old, service="only-old"))
    assert [(row["service_name"], row["request_count"]) for row in agent.rows()] == [
        ("payments", 1),
        ("only-old", 1),
    ]


def test_an_unknown_unit_is_counted_and_not_guessed(agent: Agent) -> None:
    agent.take(request(histogram(explicit([1.0]), unit="parsec")))
    assert (agent.rows(), agent.left_out()) == ([], 1)


@pytest.mark.parametrize(
    ("attributes", "failed"),
    [
        (labels(status=499), 0),
        (labels(status=500), 1),
        ([text("http.response.status_code", "502")], 1),
        ([text("error.type", "timeout")], 1),
        ([text("error.type", "")], 0),
        ([*labels(status=404), text("error.type", "404")], 0),
        ([text("http.response.status_code", "₅₀₀")], 0),
    ],
)
def test_what_is_an_error(agent: Agent, attributes: Any, failed: int) -> None:
    agent.take(request(histogram(explicit([0.1], attributes=attributes))))
    assert agent.rows()[0]["error_count"] == failed


@pytest.mark.parametrize(
    ("attributes", "route"),
    [
        ([text("http.route", "/a/{id}"), text("url.path", "/a/7")], "/a/{id}"),
        ([text("url.template", "/b/{id}")], "/b/{id}"),
        ([text("http.target", "/c?q=1")], "/c"),
        ([text("url.path", "/d")], "/d"),
        ([], ""),
    ],
)
def test_routes(agent: Agent, attributes: Any, route: str) -> None:
    agent.take(request(histogram(explicit([0.1], attributes=attributes))))
    assert agent.rows()[0]["span_name"] == route


def test_explicit_buckets_are_spread_evenly(agent: Agent) -> None:
    point = explicit([], bounds=[0.1, 0.2])
    point.count = 1000
    point.bucket_counts[1] = 1000
    agent.take(request(histogram(point)))
    (row,) = agent.rows()
    for q in (0.01, 0.25, 0.5, 0.75, 0.99):
        assert quantile_of(row, q) == pytest.approx((0.1 + 0.1 * q) * 1e9, rel=0.006)


def test_percentiles_of_histograms_are_within_the_bucket(agent: Agent) -> None:
    values = [random.Random(7).lognormvariate(-3, 1) for _ in range(5000)]
    agent.take(request(histogram(explicit(values))))
    (row,) = agent.rows()
    for q, width in ((0.5, 0.5), (0.95, 0.5), (0.99, 1.0)):
        exact = sorted(values)[round(q * 4999)] * 1e9
        assert quantile_of(row, q) == pytest.approx(exact, rel=width / 4)


@pytest.mark.parametrize(("scale", "tolerance"), [(3, 0.1), (6, 0.012), (10, 0.008), (20, 0.008)])
def test_exponential_histograms_keep_their_accuracy(agent: Agent, scale: int, tolerance: float) -> None:
    base = 2.0 ** (2.0**-scale)
    index = round(0.05 / (base - 1)) if scale < 10 else int(-4.321928 * 2**scale)
    values = [base ** (index + k) for k in range(100)]
    point = exponential([index + k for k in range(100)], scale=scale, total=sum(values))
    agent.take(request(exponentials(point)))
    (row,) = agent.rows()
    assert row["request_count"] == 100
    assert quantile_of(row, 0.5) == pytest.approx(values[50] * base**0.5 * 1e9, rel=tolerance)


def test_an_exponential_histogram_of_nanoseconds_is_taken_over_exactly(agent: Agent) -> None:
    agent.take(request(exponentials(exponential([640, 641, 1500], scale=6), unit="ns")))
    (row,) = agent.rows()
    assert (row["bucket_index"], row["bucket_count"]) == ([640, 641, 1500], [1, 1, 1])


def test_zeros_and_negative_values_are_the_lowest_bucket(agent: Agent) -> None:
    point = exponential([600], scale=6, zeros=2)
    point.negative.bucket_counts.append(1)
    agent.take(request(exponentials(point, unit="ns")))
    (row,) = agent.rows()
    assert (row["bucket_index"], row["bucket_count"], row["request_count"]) == ([ZERO_BUCKET, 600], [3, 1], 4)


def test_the_open_last_bucket_ends_at_the_largest_value_known(agent: Agent) -> None:
    agent.take(request(histogram(explicit([30.0] * 10))))
    agent.take(request(histogram(explicit([30.0] * 10, extremes=False))))
    told, untold = agent.rows()
    assert quantile_of(told, 0.99) == pytest.approx(30e9, rel=0.006)
    assert quantile_of(untold, 0.99) == pytest.approx(10e9, rel=0.006)


def test_a_histogram_without_buckets_is_its_mean(agent: Agent) -> None:
    agent.take(request(histogram(explicit([0.1, 0.3], bounds=[], extremes=False))))
    (row,) = agent.rows()
    assert row["bucket_index"] == [bucket_of(0.2e9)]


def cumulative(
    values: list[float], seconds: int, *, start: int = START_NS - 60 * SECOND
) -> ExportMetricsServiceRequest:
    point = explicit(values, at=START_NS + seconds * SECOND, start=start)
    return request(histogram(point, temporality=CUMULATIVE))


def test_cumulative_points_count_what_came_since_the_one_before(agent: Agent) -> None:
    agent.take(cumulative([0.1], 0))
    agent.take(cumulative([0.1, 0.2, 0.2], 10))
    agent.take(cumulative([0.1, 0.2, 0.2], 20))
    agent.take(cumulative([0.1, 0.2, 0.2, 0.4], 30), cumulative([0.1, 0.2, 0.2, 0.4, 0.4], 40))
    assert [count for _, count, _ in agent.counted()] == [1, 2, 2]
    assert [row["sum_ns"] for row in agent.rows()] == pytest.approx([0.1e9, 0.4e9, 0.8e9])


def test_differences_survive_a_restart(agent: Agent) -> None:
    agent.take(cumulative([0.1] * 5, 0))
    agent.restart()
    agent.take(cumulative([0.1] * 7, 10))
    assert [count for _, count, _ in agent.counted()] == [5, 2]


def test_a_rollup_that_was_not_committed_is_not_remembered(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.take(cumulative([0.1] * 5, 0))
    write = agent.rollup._write

    def fail(*_: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(agent.rollup, "_write", fail)
    with pytest.raises(OSError, match="full"):
        agent.take(cumulative([0.1] * 7, 10))
    monkeypatch.setattr(agent.rollup, "_write", write)
    agent.take(cumulative([0.1] * 8, 20))
    assert sum(count for _, count, _ in agent.counted()) == 8


def test_an_old_series_that_is_new_here_only_sets_the_base(agent: Agent) -> None:
    started = START_NS - 3600 * SECOND
    agent.take(cumulative([0.1] * 1000, 0, start=started))
    assert (agent.rows(), agent.left_out()) == ([], 1)
    agent.take(cumulative([0.1] * 1003, 10, start=started))
    assert [count for _, count, _ in agent.counted()] == [3]


def test_a_restarted_process_counts_from_zero(agent: Agent) -> None:
    agent.take(cumulative([0.1] * 5, 0))
    agent.take(cumulative([0.1] * 2, 30, start=START_NS + 20 * SECOND))
    assert [count for _, count, _ in agent.counted()] == [5, 2]


def test_a_count_that_falls_is_a_reset(agent: Agent) -> None:
    agent.take(cumulative([0.1] * 5, 0))
    agent.take(cumulative([0.1] * 2, 10))
    agent.take(cumulative([0.1] * 3, 20))
    assert [count for _, count, _ in agent.counted()] == [5, 2, 1]


def test_points_out_of_order_are_ignored_and_counted(agent: Agent) -> None:
    agent.take(cumulative([0.1] * 5, 10))
    agent.take(cumulative([0.1] * 4, 5), cumulative([0.1] * 5, 10))
    assert ([count for _, count, _ in agent.counted()], agent.left_out()) == ([5], 2)


def test_two_processes_that_say_the_same_about_themselves_stay_apart(agent: Agent) -> None:
    for seconds, count in ((0, 3), (10, 4)):
        agent.take(cumulative([0.1] * count, seconds))
        agent.take(cumulative([0.1] * 10 * count, seconds, start=START_NS - 50 * SECOND))
    assert [count for _, count, _ in agent.counted()] == [3, 30, 1, 10]


def test_the_order_of_attributes_does_not_matter(agent: Agent) -> None:
    first = explicit([0.1], start=START_NS - SECOND)
    second = explicit([0.1, 0.1], at=START_NS + SECOND, start=START_NS - SECOND, attributes=labels()[::-1])
    agent.take(request(histogram(first, temporality=CUMULATIVE)))
    agent.take(request(histogram(second, temporality=CUMULATIVE)))
    assert [count for _, count, _ in agent.counted()] == [1, 1]


def test_cumulative_exponential_histograms_that_lose_scale(agent: Agent) -> None:
    agent.take(request(exponentials(exponential([100, 101], scale=8, total=2.0), temporality=CUMULATIVE)))
    coarser = exponential([25, 25, 25, 40], scale=6, total=5.0, at=START_NS + SECOND)
    agent.take(request(exponentials(coarser, temporality=CUMULATIVE)))
    assert [count for _, count, _ in agent.counted()] == [2, 2]


def test_unspecified_temporality_is_not_rolled_up(agent: Agent) -> None:
    agent.take(request(histogram(explicit([0.1]), temporality=0)))
    assert (agent.rows(), agent.left_out()) == ([], 1)


def test_the_silent_series_is_forgotten_and_not_counted_twice(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "MAX_METRIC_SERIES", 10)
    for number in range(12):
        point = explicit([0.1], at=START_NS + number * SECOND, attributes=labels(f"/{number}"))
        agent.take(request(histogram(point, temporality=CUMULATIVE)))
    assert agent.store.query(
        "SELECT count(*) <= 10 FROM main.metric_series WHERE series != ''", since={}
    ) == [(True,)]
    agent.restart()
    again = explicit([0.1] * 2, at=START_NS + 60 * SECOND, attributes=labels("/0"))
    agent.take(request(histogram(again, temporality=CUMULATIVE)))
    again = explicit([0.1] * 5, at=START_NS + 70 * SECOND, attributes=labels("/0"))
    agent.take(request(histogram(again, temporality=CUMULATIVE)))
    assert [count for name, count, _ in agent.counted() if name == "/0"] == [1, 3]


def test_absurd_numbers_do_not_stop_the_rollup(agent: Agent) -> None:
    huge = explicit([], bounds=[1e-300, 1.0, 1e300])
    huge.bucket_counts[:] = [2**38 - 1, 2**38, 3, 4]
    huge.sum, huge.min, huge.max = 1e308, -1e308, 1e308
    beyond = explicit([], attributes=labels("/beyond"))
    beyond.bucket_counts[3] = 2**53
    wide = exponential([-(2**31) + 5, 2**31 - 10][:1], scale=-10, attributes=labels("/low"))
    agent.take(request(histogram(huge, beyond), exponentials(wide)))
    for row in agent.rows():
        assert 0 <= row["min_ns"] <= row["max_ns"] < 2**63
        assert sum(row["bucket_count"]) == row["request_count"]
    assert {row["span_name"] for row in agent.rows()} == {"/low"} | {"/pay"}
    assert agent.left_out() == 1


def test_the_view_has_route_rate_and_percentile(agent: Agent) -> None:
    agent.take(request(histogram(explicit([0.02] * 99), explicit([0.9], attributes=labels(status=500)))))
    agent.take(request(histogram(explicit([0.02] * 100, at=START_NS + SECOND), temporality=DELTA)))
    sql = 'SELECT "timestamp", service_name, http_route, request_count, error_rate, p99_ms FROM beyla_http_metrics'
    ((minute, service, route, count, rate, p99),) = agent.store.query(sql, since={"rollups": None})
    assert (service, route, count, rate) == ("payments", "/pay", 200, 0.005)
    assert minute == datetime(2026, 9, 21, 14, 13)
    assert p99 == pytest.approx(20, rel=0.25)


def test_other_metrics_are_not_rolled_up(agent: Agent, clock: FixedClock) -> None:
    clock.advance(timedelta(seconds=1))
    agent.take(request(histogram(explicit([0.1]), name="db.client.operation.duration")))
    assert agent.rows() == []


def test_series_with_many_buckets_are_forgotten_sooner(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(series, "MAX_METRIC_SERIES_BUCKETS", 100)
    for number in range(8):
        at = START_NS + number * SECOND
        point = explicit([0.1], at=at, start=at - SECOND // 2, attributes=labels(f"/{number}"))
        agent.take(request(histogram(point, temporality=CUMULATIVE)))
    (count,) = agent.store.query("SELECT count(*) FROM main.metric_series WHERE series != ''", since={})[0]
    assert count * 16 <= 100
    assert len(agent.counted()) == 8
