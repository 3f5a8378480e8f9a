from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coral.model.histogram import RELATIVE_ERROR, bucket_of, bucket_value, quantile
from coral.store.duckdb.tables import macros_sql

durations = st.integers(min_value=1, max_value=10**15)
samples = st.lists(durations, min_size=1, max_size=300)


def exact(values: list[int], q: float) -> float:
    ordered = sorted(values)
    rank = q * (len(ordered) - 1)
    low = int(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def buckets_of(values: list[int]) -> dict[int, int]:
    buckets: dict[int, int] = {}
    for value in values:
        buckets[bucket_of(value)] = buckets.get(bucket_of(value), 0) + 1
    return buckets


@given(durations)
def test_a_bucket_stands_for_its_values_within_the_stated_error(value: int) -> None:
    assert bucket_value(bucket_of(value)) == pytest.approx(value, rel=RELATIVE_ERROR * 1.000001)


def test_the_stated_error_is_below_one_percent() -> None:
    assert RELATIVE_ERROR < 0.01


@given(samples, st.sampled_from([0.0, 0.5, 0.9, 0.95, 0.99, 1.0]))
def test_a_quantile_is_within_the_stated_error(values: list[int], q: float) -> None:
    found = quantile(buckets_of(values), q, smallest=min(values), largest=max(values))
    assert found == pytest.approx(exact(values, q), rel=RELATIVE_ERROR * 1.000001)


@given(samples, samples)
def test_merging_is_adding_counts(left: list[int], right: list[int]) -> None:
    merged = buckets_of(left)
    for bucket, count in buckets_of(right).items():
        merged[bucket] = merged.get(bucket, 0) + count
    assert merged == buckets_of(left + right)


def test_the_sql_macros_compute_the_same() -> None:
    connection = duckdb.connect()
    connection.execute(macros_sql())
    values = [1, 2, 3, 999, 1_000_000, 45_200_000, 892_100_000, 10**12]
    rows = connection.execute(
        "SELECT v, bucket_of(v), bucket_value(bucket_of(v)) FROM (SELECT unnest(?) AS v)", [values]
    ).fetchall()
    for value, bucket, middle in rows:
        assert abs(bucket - bucket_of(value)) <= 1  # a value on a boundary may round either way
        assert middle == pytest.approx(bucket_value(bucket), rel=1e-12)


@pytest.mark.parametrize("q", [-0.1, 1.1])
def test_a_quantile_out_of_range_is_refused(q: float) -> None:
    with pytest.raises(ValueError, match="quantile"):
        quantile({1: 1}, q, smallest=1, largest=1)


def test_a_quantile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="0 values"):
        quantile({}, 0.5, smallest=0, largest=0)
