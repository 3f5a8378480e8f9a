"""Helper questions and the summary table give the same answers for the same data."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from coral.clock import FixedClock
from coral.query.helpers import Helpers, Window
from coral.store.duckdb.store import DuckDBStore
from tests.query.test_recent import commit, random_rows

NOW = datetime(2026, 11, 23, 12, 0, 30)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    clock = FixedClock(NOW)
    opened = DuckDBStore(
        tmp_path / "data", kind="colony", retention=timedelta(days=7), clock=clock, seal_interval=0
    )
    yield opened
    opened.close()


def test_every_minute_of_every_service_is_the_same_in_both(store: DuckDBStore) -> None:
    minutes = [NOW.replace(second=0) - n * MINUTE for n in range(6)]
    commit(store, None, random_rows(random.Random(11), minutes, 150))
    store.seal()
    commit(store, None, random_rows(random.Random(12), minutes, 50))
    helpers = Helpers(store, FixedClock(NOW))
    summary = store.query("SELECT * FROM service_summary ORDER BY ALL", since={"rollups": None})
    assert {row[1] for row in summary} == {"payments", "orders", "both", "metered"}
    for bucket, service, count, errors, rate, *milliseconds in summary:
        window = Window(bucket, bucket + MINUTE, MINUTE)
        found = helpers.requests(service, window)
        assert (found.count, found.errors) == (count, errors)
        assert rate == pytest.approx(errors / count)
        for q, value in zip((0.5, 0.95, 0.99), milliseconds, strict=True):
            asked = helpers.percentile(service, "http.server.duration", q, window)
            assert asked.value_ns / 1e6 == pytest.approx(value, rel=1e-12)
            assert asked.sample_count == count
    assert len({(row[0], row[1]) for row in summary}) == len(summary)


def test_a_window_of_spans_does_not_count_metrics_of_other_minutes(store: DuckDBStore) -> None:
    older, newer = NOW.replace(second=0) - MINUTE, NOW.replace(second=0)
    rows = random_rows(random.Random(13), [older], 200)
    spans = rows.filter([s == "both" and k == "SERVER" for s, k in _names(rows)])
    metrics = random_rows(random.Random(14), [newer], 200)
    metrics = metrics.filter([s == "both" and k == "METRIC" for s, k in _names(metrics)])
    commit(store, None, spans)
    commit(store, None, metrics)
    helpers = Helpers(store, FixedClock(NOW))
    both = helpers.requests("both", Window(older, newer + MINUTE, 2 * MINUTE))
    assert both.count == sum(spans["request_count"].to_pylist())
    only = helpers.requests("both", Window(newer, newer + MINUTE, MINUTE))
    assert only.count == sum(metrics["request_count"].to_pylist())


def _names(rows: object) -> list[tuple[str, str]]:
    return list(zip(rows["service_name"].to_pylist(), rows["kind"].to_pylist(), strict=True))  # type: ignore[index]
