from __future__ import annotations

import errno
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from coral.clock import FixedClock
from coral.errors import StorageError, UsageError
from coral.model.histogram import bucket_of, quantile
from coral.query.helpers import Helpers
from coral.query.recent import RecentRollups
from coral.store.api import Transaction
from coral.store.duckdb.compaction import mergeable_tables
from coral.store.duckdb.rows import insert_rows
from coral.store.duckdb.store import DuckDBStore
from coral.store.duckdb.tiers import DEFAULT_AGES, Tiers, rollup_tiers
from coral.wire.batches import BATCH_TABLES

NOW = datetime(2026, 3, 10, 12, 0, 30)
QUANTILES = (0.0, 0.01, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0)


class Colony:
    """A store with its tiers, a clock, and what it should hold."""

    def __init__(self, folder: Path, clock: FixedClock) -> None:
        self.clock = clock
        self.folder = folder
        self.open()

    def open(self) -> None:
        tiers = rollup_tiers({})
        self.store = DuckDBStore(
            self.folder / "data",
            kind="colony",
            retention=timedelta(days=7),
            retention_by_table=dict.fromkeys(DEFAULT_AGES),
            clock=self.clock,
            seal_interval=0,
            merged_apart=(*mergeable_tables(), *DEFAULT_AGES),
        )
        # The monotonic clock runs with the wall clock: a test moves both by days, which is no jump.
        start = self.clock.now()
        self.tiers = Tiers(
            self.store,
            tiers,
            scratch=self.folder / "data" / "merging",
            clock=self.clock,
            monotonic=lambda: (self.clock.now() - start).total_seconds(),
        )

    def add(self, table: str, rows: list[dict[str, object]]) -> None:
        schema = pa.schema([*BATCH_TABLES[table], pa.field("agent_id", pa.string())])
        arrow = pa.Table.from_pylist(rows, schema=schema)

        def write(transaction: Transaction) -> None:
            insert_rows(transaction, table, arrow)

        self.store.submit(write).result()

    def settle(self) -> None:
        while self.tiers.run():
            pass

    def tables(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for segment in self.store.segments():
            found[segment.table] = found.get(segment.table, 0) + segment.row_count
        return found

    def totals(self) -> list[tuple[object, ...]]:
        """Everything that merging must not change, per service, operation and kind, with every percentile."""
        sql = (
            "SELECT service_name, span_name, kind, sum(request_count)::BIGINT, sum(error_count)::BIGINT, sum(sum_ns),"
            " min(min_ns), max(max_ns) FROM rollups GROUP BY ALL ORDER BY ALL"
        )
        buckets = (
            "SELECT service_name, span_name, kind, i, sum(c)::BIGINT FROM (SELECT service_name, span_name, kind,"
            " unnest(bucket_index) AS i, unnest(bucket_count) AS c FROM rollups) GROUP BY ALL"
        )
        histograms: dict[tuple[str, str, str], dict[int, int]] = {}
        for *key, index, count in self.store.query(buckets, since={"rollups": None}):
            histograms.setdefault(tuple(key), {})[index] = count
        return [
            (
                *row,
                *(
                    quantile(histograms[row[0], row[1], row[2]], q, smallest=row[6], largest=row[7])
                    for q in QUANTILES
                ),
            )
            for row in self.store.query(sql, since={"rollups": None})
        ]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def colony(tmp_path: Path, clock: FixedClock) -> Iterator[Colony]:
    opened = Colony(tmp_path, clock)
    yield opened
    opened.store.close()


def rollup_rows(draw: random.Random, times: list[datetime], count: int) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for _ in range(count):
        durations = [int(draw.lognormvariate(17, 1.5)) for _ in range(draw.randint(1, 30))]
        indexes = sorted({bucket_of(value) for value in durations})
        rows.append(
            {
                "agent_id": f"a{draw.randint(1, 5)}",
                "bucket_time": draw.choice(times).replace(second=0, microsecond=0),
                "service_name": draw.choice(["payments", "orders"]),
                "span_name": draw.choice(["GET /", "POST /"]),
                "kind": draw.choice(["SERVER", "CLIENT", "METRIC"]),
                "request_count": len(durations),
                "error_count": draw.randint(0, 3),
                "sum_ns": float(sum(durations)),
                "min_ns": min(durations),
                "max_ns": max(durations),
                "bucket_index": indexes,
                "bucket_count": [sum(bucket_of(v) == i for v in durations) for i in indexes],
            }
        )
    return rows


def test_nothing_changes_on_the_way_through_all_tiers(colony: Colony, clock: FixedClock) -> None:
    draw = random.Random(1)
    for hour in range(30):  # a day and a bit, sealed hour by hour, with late rows
        times = [NOW + timedelta(hours=hour, minutes=draw.randint(-20, 0)) for _ in range(10)]
        colony.add("rollups", rollup_rows(draw, [*times, NOW - timedelta(hours=3)], 25))
        colony.store.seal()
    before = colony.totals()
    assert sum(colony.tables().values()) == 30 * 25
    seen = []
    for days in (0, 1, 9, 5, 20, 40, 30, 60):
        clock.advance(timedelta(days=days))
        colony.settle()
        assert colony.totals() == before
        seen.append({name for name in colony.tables() if name.startswith("rollups")})
    assert {"rollups"} in seen
    assert {"rollups_15m"} in seen
    assert {"rollups_1h"} in seen
    assert seen[-1] == {"rollups_1d"}
    # Two days, two services, two operations, three kinds: each is one row.
    assert colony.tables()["rollups_1d"] <= 3 * 2 * 2 * 3
    clock.advance(timedelta(days=400))
    colony.settle()
    assert colony.tables() == {}


def test_young_deltas_become_one_row_a_minute(colony: Colony, clock: FixedClock) -> None:
    draw = random.Random(2)
    for _ in range(15):  # eight and, with what they became, eight again
        colony.add("rollups", rollup_rows(draw, [NOW], 50))
        colony.store.seal()
    before = colony.totals()
    colony.settle()
    assert colony.tables()["rollups"] == 2 * 2 * 3  # services, operations, kinds
    assert colony.totals() == before


def test_late_rows_join_their_bucket_in_the_next_round(colony: Colony, clock: FixedClock) -> None:
    draw = random.Random(3)
    colony.add("rollups", rollup_rows(draw, [NOW], 20))
    colony.store.seal()
    clock.advance(timedelta(days=12))
    colony.settle()
    assert set(colony.tables()) == {"rollups_15m"}
    # An agent that was away for twelve days delivers old and new minutes in one batch.
    colony.add("rollups", rollup_rows(draw, [NOW, clock.now()], 40))
    colony.store.seal()
    before = colony.totals()
    colony.settle()
    assert set(colony.tables()) == {"rollups", "rollups_15m"}
    assert colony.totals() == before


def test_a_crash_between_any_two_steps_neither_loses_nor_doubles(
    colony: Colony, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(4)
    for hour in range(12):
        colony.add("rollups", rollup_rows(draw, [NOW + timedelta(hours=hour)], 20))
        colony.store.seal()
    before = colony.totals()
    clock.advance(timedelta(days=12))
    failed = 0

    def fails(*arguments: object, **named: object) -> object:
        raise StorageError("the disk is gone")

    while True:
        # The new files are written and not listed; then the process dies.
        with monkeypatch.context() as patch:
            patch.setattr("coral.store.duckdb.maintenance.Maintenance._commit", fails)
            try:
                assert colony.tiers.run() == 0
                break
            except StorageError:
                failed += 1
        colony.store.close()
        colony.open()
        assert colony.totals() == before
        monkeypatch.setattr("coral.store.duckdb.tiers._STEPS_PER_ROUND", 1)
        assert colony.tiers.run() == 1
        assert colony.totals() == before
    assert failed > 2
    assert list((colony.folder / "data" / "merging").iterdir()) == []


def test_a_clock_that_jumps_ages_nothing(colony: Colony, clock: FixedClock) -> None:
    draw = random.Random(5)
    colony.add("rollups", rollup_rows(draw, [NOW], 20))
    colony.store.seal()
    standing = Tiers(
        colony.store,
        rollup_tiers({}),
        scratch=colony.folder / "data" / "merging",
        clock=clock,
        monotonic=lambda: 0.0,
    )
    clock.advance(timedelta(days=4000))
    while standing.run():
        pass
    assert set(colony.tables()) == {"rollups"}


def test_a_window_that_cuts_a_long_bucket_has_all_of_it(colony: Colony, clock: FixedClock) -> None:
    draw = random.Random(6)
    start = NOW.replace(second=0)
    colony.add("rollups", rollup_rows(draw, [start + timedelta(minutes=n) for n in range(60)], 300))
    colony.store.seal()
    clock.advance(timedelta(days=10))
    helpers = Helpers(colony.store, clock, RecentRollups(clock))

    def counted(since: datetime) -> tuple[int, datetime]:
        window = helpers.window(clock.now() - since)
        found = helpers.requests("payments", window)
        assert helpers.percentile("payments", "http.server.duration", 0.5, window).window == found.window
        return found.count, found.window.start

    quarter = start + timedelta(minutes=15)
    by_minute = {minutes: counted(start + timedelta(minutes=minutes))[0] for minutes in (0, 15, 22, 30)}
    assert by_minute[15] > by_minute[22] > by_minute[30]
    colony.settle()
    assert set(colony.tables()) == {"rollups_15m"}
    assert counted(quarter) == (by_minute[15], quarter)
    assert counted(quarter + timedelta(minutes=7)) == (by_minute[15], quarter)
    assert counted(start + timedelta(minutes=30)) == (by_minute[30], start + timedelta(minutes=30))
    # After a restart nothing of it is taken for single minutes.
    recent = RecentRollups(clock)
    recent.load(colony.store)
    assert (
        not Helpers(colony.store, clock, recent)
        .recent("payments", helpers.window(timedelta(days=11)))
        .found.chosen()
        .count
    )


def test_tables_without_tiers_are_merged_by_their_meaning(colony: Colony) -> None:
    minute = NOW.replace(second=0)
    for n in range(8):
        colony.add(
            "log_counts",
            [
                {
                    "agent_id": f"a{n}",
                    "bucket_time": minute,
                    "service_name": "s",
                    "severity": "WARN",
                    "record_count": n,
                },
            ],
        )
        colony.add(
            "system_metrics",
            [
                {
                    "agent_id": "a1",
                    "bucket_time": minute,
                    "sample_count": 1,
                    "cpu_pct_sum": float(n),
                    "mem_used_sum": 1.0,
                    "mem_total": 5,
                    "last_sample_time": NOW + timedelta(seconds=n),
                    "load1_sum": None if n == 7 else 2.0,
                    "disk_read_bytes": 3,
                },
            ],
        )
        colony.add(
            "resources",
            [
                {
                    "agent_id": "a1",
                    "service_name": "s",
                    "instance_id": "1",
                    "attributes": f'{{"n":{n}}}',
                    "last_seen": NOW + timedelta(seconds=n),
                },
            ],
        )
        edge = rollup_rows(random.Random(n), [NOW], 1)[0]
        colony.add("service_edges", [{**edge, "caller": "web", "callee": "db"}])
        colony.store.seal()
    views = {
        "log_counts": "SELECT * FROM log_summary",
        "system_metrics": "SELECT * FROM system_metrics_rollup",
        "resources": "SELECT * FROM resources_local",
        "service_edges": "SELECT * FROM service_graph",
    }
    before = {table: colony.store.query(sql, since={table: None}) for table, sql in views.items()}
    colony.settle()
    assert colony.tables() == {"log_counts": 1, "system_metrics": 2, "resources": 1, "service_edges": 1}
    assert {table: colony.store.query(sql, since={table: None}) for table, sql in views.items()} == before
    assert before["log_counts"] == [(minute, "s", "WARN", 28)]


def test_a_tier_cannot_be_kept_for_less_than_a_finer_one() -> None:
    with pytest.raises(UsageError, match="rollups_1h are kept for 2 days"):
        rollup_tiers({"rollups_1h": timedelta(days=2)})
    minutes, *_ = rollup_tiers({"rollups": timedelta(days=60)})
    assert minutes.age == timedelta(days=60)


def test_a_segment_that_cannot_be_read_stops_nothing_else(colony: Colony, clock: FixedClock) -> None:
    draw = random.Random(7)
    for _ in range(8):
        colony.add("rollups", rollup_rows(draw, [NOW], 5))
        colony.store.seal()
    segments = colony.store.segments()
    segments[3].path.write_bytes(segments[3].path.read_bytes()[:50])
    for _ in range(8):
        colony.add("service_edges", [{**rollup_rows(draw, [NOW], 1)[0], "caller": "web", "callee": "db"}])
        colony.store.seal()
    colony.settle()
    assert colony.tables() == {"rollups": 40, "service_edges": 1}
    assert list((colony.folder / "data" / "merging").iterdir()) == []
    # It is tried again after a while: by then an operator may have put things right.
    clock.advance(timedelta(hours=1))
    assert colony.tiers.run() == 1


@pytest.mark.parametrize("rows", [1, 7, 64])
def test_a_service_with_too_many_rows_is_merged_in_pieces(
    colony: Colony, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    draw = random.Random(8)
    for _ in range(8):
        colony.add("rollups", rollup_rows(draw, [NOW, NOW + timedelta(minutes=1)], 30))
        colony.store.seal()
    before = colony.totals()
    monkeypatch.setattr("coral.store.duckdb.compaction.MERGE_PIECE_ROWS", rows)
    colony.settle()
    assert colony.tables()["rollups"] == 2 * 2 * 2 * 3  # services, operations, minutes, kinds
    assert colony.totals() == before


def test_a_full_disk_stops_merging_for_a_while_only(
    colony: Colony, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(9)
    for _ in range(8):
        colony.add("rollups", rollup_rows(draw, [NOW], 5))
        colony.store.seal()
    before = colony.totals()

    def full(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("coral.store.duckdb.tiers.write_merged", full)
        colony.settle()
    assert colony.totals() == before
    colony.settle()
    assert colony.tables() == {"rollups": 40}
    clock.advance(timedelta(hours=1))
    colony.settle()
    assert colony.tables()["rollups"] < 40
    assert colony.totals() == before
