"""Merging is the same in whatever order and grouping, by the SQL of segments and by the memory of a colony."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coral.model.histogram import bucket_of
from coral.query.requests import Requests
from coral.store.api import Segment
from coral.store.duckdb.compaction import Merge, write_merged
from coral.wire.batches import BATCH_TABLES

START = datetime(2026, 3, 10)
SCHEMA = pa.schema([("ingest_seq", pa.int64()), ("agent_id", pa.string()), *BATCH_TABLES["rollups"]])

durations = st.lists(st.integers(min_value=0, max_value=2**62), min_size=1, max_size=6)
keys = st.tuples(
    st.integers(0, 40), st.sampled_from(["a", "b"]), st.sampled_from(["GET", ""]), st.just("SERVER")
)
deltas = st.lists(st.tuples(keys, durations, st.integers(0, 2)), min_size=1, max_size=12)


def row(number: int, delta: tuple[tuple[int, str, str, str], list[int], int]) -> dict[str, Any]:
    (minute, service, operation, kind), values, errors = delta
    buckets: dict[int, int] = {}
    for value in values:
        buckets[bucket_of(value)] = buckets.get(bucket_of(value), 0) + 1
    return {
        "ingest_seq": number,
        "agent_id": f"agent-{number % 3}",
        "bucket_time": START + timedelta(minutes=minute),
        "service_name": service,
        "span_name": operation,
        "kind": kind,
        "request_count": len(values),
        "error_count": min(errors, len(values)),
        "sum_ns": float(sum(value % 2**20 for value in values)),  # exact in a double, in any order
        "min_ns": min(values),
        "max_ns": max(values),
        "bucket_index": sorted(buckets),
        "bucket_count": [buckets[index] for index in sorted(buckets)],
    }


class Files:
    """Segment files of rows, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    def write(self, rows: Sequence[dict[str, Any]]) -> Segment:
        self._count += 1
        path = self._folder / f"{self._count}.parquet"
        pq.write_table(pa.Table.from_pylist(list(rows), schema=SCHEMA), path)
        return self._segment(path)

    def merge(self, segments: Sequence[Segment], width: str) -> Segment:
        self._count += 1
        path = self._folder / f"{self._count}.parquet"
        write_merged(segments, Merge("rollups", width), path)
        return self._segment(path)

    @staticmethod
    def rows(segment: Segment) -> list[dict[str, Any]]:
        table = pq.read_table(segment.path).drop_columns(["ingest_seq", "agent_id"])
        return sorted(
            table.to_pylist(), key=lambda each: (each["bucket_time"], each["service_name"], each["span_name"])
        )

    @staticmethod
    def _segment(path: Path) -> Segment:
        return Segment(path, "rollups", 1, 1, 1, 1, START, START, START)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    deltas, st.sampled_from(["1 minute", "15 minutes", "1 hour", "1 day"]), st.randoms(use_true_random=False)
)
def test_merging_segments_is_associative_and_commutative(
    tmp_path: Path, deltas: list[Any], width: str, draw: Any
) -> None:
    files = Files(tmp_path)
    rows = [row(number, delta) for number, delta in enumerate(deltas)]
    at_once = files.rows(files.merge([files.write(rows)], width))
    draw.shuffle(rows)
    pending = [files.write([each]) for each in rows]
    while len(pending) > 1:  # any two or three, in any order, through finer widths or not
        draw.shuffle(pending)
        count = draw.choice([2, 3])
        taken, pending = pending[:count], pending[count:]
        finer = "1 minute" if draw.random() < 0.5 else width
        pending.append(files.merge(taken, finer))
    step_by_step = files.rows(files.merge(pending, width))
    assert step_by_step == at_once
    # Nothing is lost or doubled, and merging what is merged changes nothing.
    assert sum(each["request_count"] for each in at_once) == sum(each["request_count"] for each in rows)
    assert all(sum(each["bucket_count"]) == each["request_count"] for each in at_once)
    assert files.rows(files.merge(pending, width)) == at_once


@given(st.lists(durations, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_requests_in_memory_merge_in_any_order(parts: list[list[int]], draw: Any) -> None:
    def requests(values: list[int]) -> Requests:
        made = Requests()
        made.add(len(values), 1, min(values), max(values), [(bucket_of(value), 1) for value in values])
        return made

    at_once = requests([value for values in parts for value in values])
    at_once.errors = len(parts)
    merged = [requests(values) for values in parts]
    while len(merged) > 1:
        draw.shuffle(merged)
        left, right = merged.pop(), merged.pop()
        left.add_packed(right.packed())
        merged.append(left)
    assert merged[0] == at_once
