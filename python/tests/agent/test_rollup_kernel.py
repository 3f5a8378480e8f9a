"""The native kernel's rollup: the same sums as SQL, the same spans as were stored.

`CORAL_FUZZ_INPUTS=1000000 pytest python/tests/agent/test_rollup_kernel.py` adds up that many spans.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Sequence
from importlib import resources
from typing import Any, Final

import duckdb
import pyarrow as pa
import pytest

from coral.agent.decode.columns import SPAN_SCHEMA
from coral.agent.rollup.kernel import NARROW, RollupKernel, rollup_kernel
from coral.agent.rollup.narrow import NARROW_SQL, Narrowing, of_traces, sampled_traces
from coral.agent.rollup.sampling import in_sample
from coral.agent.rollup.statements import statement
from coral.limits import EXEMPLAR_ATTRIBUTES_BYTES
from coral.wire.arrow import conform
from coral.wire.batches import BATCH_TABLES

pytestmark = pytest.mark.skipif(rollup_kernel() is None, reason="this platform has no native kernel")

SEED: Final = int(os.environ.get("CORAL_FUZZ_SEED", "5"))
SPANS: Final = int(os.environ.get("CORAL_FUZZ_INPUTS", "20000"))
MINUTE_US: Final = 60_000_000
PER_SERVICE: Final = 7
NAMES: Final = ("", "GET /", "GET /a", "GET /ä", "GET /\U0001f600", "a\0b", "x" * 300)
DURATIONS: Final = (0, 1, 2, 3, 63, 64, 65, 2**31, 2**53, 2**53 + 1, 2**62, 2**63 - 1)


@pytest.fixture
def kernel() -> RollupKernel:
    found = rollup_kernel()
    assert found is not None
    return found


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    opened = duckdb.connect()
    opened.execute(resources.files("coral.store.duckdb").joinpath("views/macros.sql").read_text())
    return opened


def made_up(source: random.Random, count: int) -> pa.Table:
    """Spans of all sorts, as the decoder makes them, each with a sequence."""

    def text(longest: int) -> str | None:
        return source.choice([None, "", "{}", "x" * source.randrange(longest)])

    rows = [
        {
            "trace_id": f"{source.getrandbits(128) >> 6 << source.choice([0, 6]):032x}",
            "span_id": f"{source.getrandbits(64):016x}",
            "parent_span_id": source.choice(["", f"{source.getrandbits(64):016x}"]),
            "service_name": f"service-{source.randrange(5)}",
            "instance_id": "one",
            "span_name": source.choice(NAMES) + str(source.choice([0, source.randrange(1_000)])),
            "kind": source.choice(["SERVER", "CLIENT", "INTERNAL"]),
            "start_time": 1_790_000_000_000_000 + source.randrange(3 * MINUTE_US),
            "duration_ns": source.choice([source.choice(DURATIONS), int(source.lognormvariate(16, 2))]),
            "status_code": source.choice(["UNSET", "OK", "ERROR"]),
            "status_message": None,
            "scope_name": None,
            "attributes": text(200) or "{}",
            "events": text(2 * EXEMPLAR_ATTRIBUTES_BYTES if source.random() < 0.001 else 50),
            "links": text(50),
        }
        for _ in range(count)
    ]
    table = pa.table({name: [row[name] for row in rows] for name in SPAN_SCHEMA.names})
    return table.cast(SPAN_SCHEMA).append_column("ingest_seq", pa.array([3] * count, pa.int64()))


def narrowed(kernel: RollupKernel, parts: Sequence[pa.Table]) -> pa.Table:
    narrowing = Narrowing(kernel)
    return pa.concat_tables([narrowing.narrowed(part) for part in parts])


def parts_of(seed: int, count: int) -> list[pa.Table]:
    source = random.Random(seed)
    sizes = [count // 2, 1, 0, count - count // 2 - 1]
    return [made_up(source, size).combine_chunks() for size in sizes]


def test_the_sums_are_those_of_sql(kernel: RollupKernel, connection: duckdb.DuckDBPyConnection) -> None:
    for seed in range(SEED, SEED + max(1, SPANS // 20_000)):
        parts = parts_of(seed, min(SPANS, 20_000))
        found = kernel.roll_up(narrowed(kernel, parts), per_service=PER_SERVICE).rows
        found.validate(full=True)
        with_all = pa.concat_tables(parts)
        connection.register("spans", with_all)
        sql = statement("rollup").replace("{fresh_spans}", "spans")
        expected = conform(connection.sql(sql).to_arrow_table(), BATCH_TABLES["rollups"], what="rollups")
        assert found.num_rows > 1_000
        names = [name for name in found.column_names if name != "sum_ns"]
        assert found.select(names).equals(expected.select(names))
        # The order of adding differs, and so may the last bits of large sums.
        assert found.column("sum_ns").to_pylist() == pytest.approx(
            expected.column("sum_ns").to_pylist(), rel=1e-12
        )


def test_the_slowest_and_the_failed_spans(kernel: RollupKernel) -> None:
    parts = parts_of(SEED, 5_000)
    wanted: dict[tuple[str, int], list[int]] = defaultdict(list)
    spans: dict[str, set[tuple[str, int, bool]]] = defaultdict(set)
    for row in pa.concat_tables(parts).to_pylist():
        failed = row["status_code"] == "ERROR"
        wanted[row["service_name"], 0].append(row["duration_ns"])
        if failed:
            wanted[row["service_name"], 1].append(row["duration_ns"])
        spans[row["trace_id"]].add((row["service_name"], row["duration_ns"], failed))
    slowest = kernel.roll_up(narrowed(kernel, parts), per_service=PER_SERVICE).slowest
    slowest.validate(full=True)
    found: dict[tuple[str, int], list[int]] = defaultdict(list)
    for row in slowest.to_pylist():
        found[row["service_name"], row["failed"]].append(row["duration_ns"])
        assert any(
            (row["service_name"], row["duration_ns"], failed) in spans[row["trace_id"]]
            for failed in ({True} if row["failed"] else {True, False})
        )
    assert found == {key: sorted(some, reverse=True)[:PER_SERVICE] for key, some in wanted.items()}


def test_what_is_kept_is_what_sql_selects(
    kernel: RollupKernel, connection: duckdb.DuckDBPyConnection
) -> None:
    parts = parts_of(SEED, 3_000)
    rows = pa.concat_tables(parts)
    kept = narrowed(kernel, parts)
    kept.validate(full=True)
    assert kept.schema.field("trace_id").type == NARROW.field("trace_id").type
    connection.register("stored", rows)
    connection.register("kept", of_traces(kept, rows.column("trace_id").combine_chunks()))
    expected = connection.sql(f"SELECT {NARROW_SQL} FROM stored ORDER BY span_id")
    found = connection.sql(f"SELECT {', '.join(expected.columns)} FROM kept ORDER BY span_id")
    assert found.fetchall() == expected.fetchall()


@pytest.mark.parametrize("thinning", [0, 1, 4, 6, 7, 8, 11, 124])
def test_samples_of_compact_rows(
    kernel: RollupKernel, connection: duckdb.DuckDBPyConnection, thinning: int
) -> None:
    parts = parts_of(SEED, 3_000)
    connection.register("spans", pa.concat_tables(parts))
    expected = connection.sql(f"SELECT DISTINCT trace_id FROM spans WHERE {in_sample(thinning)}").fetchall()
    found = sampled_traces(narrowed(kernel, parts), thinning)
    assert sorted(found) == sorted(trace_id for (trace_id,) in expected)
    assert sampled_traces(pa.concat_tables(parts), thinning)[: len(found)] == found


def test_nothing_adds_up_to_nothing(kernel: RollupKernel) -> None:
    sums = kernel.roll_up(narrowed(kernel, [made_up(random.Random(1), 0)]), per_service=PER_SERVICE)
    assert (sums.rows.num_rows, sums.slowest.num_rows) == (0, 0)
    assert kernel.roll_up(NARROW.empty_table(), per_service=PER_SERVICE).rows.num_rows == 0


def test_without_slowest_ones(kernel: RollupKernel) -> None:
    sums = kernel.roll_up(narrowed(kernel, parts_of(SEED, 100)), per_service=0)
    assert sums.slowest.num_rows == 0
    assert sum(sums.rows.column("request_count").to_pylist()) == 100


def test_a_slice_of_a_table(kernel: RollupKernel) -> None:
    rows = made_up(random.Random(2), 100).combine_chunks()
    whole, part = narrowed(kernel, [rows]), narrowed(kernel, [rows.slice(13, 40).combine_chunks()])
    assert whole.slice(13, 40).to_pylist() == part.to_pylist()
    by_part = kernel.roll_up(part, per_service=3)
    by_slice = kernel.roll_up(whole.slice(13, 40), per_service=3)
    assert (by_part.rows.to_pylist(), by_part.slowest.to_pylist()) == (
        by_slice.rows.to_pylist(),
        by_slice.slowest.to_pylist(),
    )


def changed(rows: pa.Table, name: str, values: Any) -> pa.Table:
    return rows.set_column(rows.column_names.index(name), name, values)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("trace_id", "0" * 31 + "g"),
        ("trace_id", "0" * 30),
        ("trace_id", "A" * 32),
        ("span_id", "é" * 8),
        ("span_id", ""),
        ("span_id", None),
        ("attributes", 5),
    ],
)
def test_rows_that_are_no_spans_are_refused(kernel: RollupKernel, name: str, value: Any) -> None:
    rows = made_up(random.Random(3), 20).combine_chunks()
    damaged = changed(rows, name, pa.array([value] * 20))
    with pytest.raises(ValueError, match="does not know spans like these"):
        kernel.narrow(damaged, longest=100)
    with pytest.raises(ValueError, match="does not know spans like these"):
        kernel.roll_up(rows, per_service=1)


def test_places_beyond_the_dictionary_are_refused(kernel: RollupKernel) -> None:
    kept = narrowed(kernel, [made_up(random.Random(4), 20)])
    words = kept.column("service_name").chunk(0).dictionary
    for place in (-1, len(words)):
        places = pa.DictionaryArray.from_arrays(pa.array([place] * 20, pa.int32()), words, safe=False)
        with pytest.raises(ValueError, match="does not know spans like these"):
            kernel.roll_up(changed(kept, "service_name", places), per_service=1)
