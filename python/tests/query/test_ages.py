"""A window gives the same answer before and after its minutes have become 15 minutes, hours and days."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import pyarrow as pa
import pytest

from coral._proto.colony.v1 import query_pb2 as pb
from coral.clock import FixedClock
from coral.query.api import QueryApi
from coral.query.coarse import coarse_past
from coral.query.helpers import Helpers, Window
from coral.query.recent import RecentRollups
from coral.query.records import Records
from coral.store.api import Store
from coral.store.guard.pool import QueryPool
from tests.store.test_tiers import Colony, rollup_rows

START = datetime(2026, 3, 1)
DAY = timedelta(days=1)
AGES = {1: "rollups_1d", 40: "rollups_1h", 100: "rollups_15m", 118: "rollups"}
"""Days since the start on which there were requests, and the tier in which they are at the end."""
SUMS = (
    "SELECT service_name, sum(request_count)::BIGINT AS requests, sum(error_count)::BIGINT AS errors"
    " FROM service_summary WHERE bucket_time >= $start AND bucket_time < $end GROUP BY ALL ORDER BY ALL"
)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture
def colony(tmp_path: Path, clock: FixedClock) -> Iterator[Colony]:
    opened = Colony(tmp_path, clock)
    yield opened
    opened.store.close()


def test_ageing_changes_no_total_and_no_percentile(colony: Colony, clock: FixedClock) -> None:
    draw = random.Random(1)
    for day in AGES:
        clock.advance(START + day * DAY + timedelta(hours=1) - clock.now())
        times = [START + day * DAY + timedelta(minutes=draw.randrange(60)) for _ in range(20)]
        for _ in range(3):
            rows = [row for row in rollup_rows(draw, times, 60) if row["kind"] != "METRIC"]
            colony.add("rollups", rows)
            colony.store.seal()
    clock.advance(START + 120 * DAY - clock.now())
    days = [START + day * DAY for day in AGES]
    windows = [Window(day, day + DAY, DAY) for day in days]
    windows.append(Window(days[0], days[-1] + DAY, 118 * DAY))

    async def everything() -> list[object]:
        """Totals by the helpers, by the table in the colony, and by the same table in a query worker."""
        pool = QueryPool("colony")
        helpers = Helpers(colony.store, clock)
        api = QueryApi(
            colony.store,
            helpers,
            pool,
            cast("Records", None),
            completeness=pb.Completeness,
            samples_traces=True,
        )
        found: list[object] = []
        try:
            for window in windows:
                values = {"start": window.start, "end": window.end}
                own = colony.store.query(SUMS, values, since={"rollups": window.start})
                found.append((window, own, await _in_worker(api, window)))
                for service in ("payments", "orders"):
                    counts = helpers.requests(service, window)
                    assert (service, counts.count, counts.errors) in own
                    found += [
                        helpers.percentile(service, "http.server.duration", q, window)
                        for q in (0.5, 0.9, 0.99, 0.999)
                    ]
        finally:
            await pool.close()
        return found

    before = asyncio.run(everything())
    assert set(colony.tables()) == {"rollups"}
    colony.settle()
    assert set(colony.tables()) == set(AGES.values())
    assert asyncio.run(everything()) == before


def test_minutes_that_are_merged_while_a_question_is_answered_count_once(
    colony: Colony, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(2)
    clock.advance(timedelta(hours=2))
    times = [START + timedelta(minutes=n) for n in range(60, 120)]
    recent = RecentRollups(clock)
    for _ in range(2):
        rows = [row for row in rollup_rows(draw, times, 200) if row["service_name"] == "payments"]
        colony.add("rollups", rows)
        colony.store.seal()
    recent.load(colony.store)
    cut = Window(START + timedelta(minutes=67), START + timedelta(hours=2), timedelta(minutes=53))
    whole = Window(START + timedelta(minutes=60), START + timedelta(hours=2), timedelta(hours=1))
    helpers = Helpers(colony.store, clock, recent)
    expected = helpers.requests("payments", whole)
    assert helpers.requests("payments", cut).count < expected.count

    from_memory = helpers.recent("payments", Window(START, cut.end, timedelta(hours=2)))
    assert from_memory.found.chosen().count == expected.count

    def merged_just_after(store: Store) -> list[tuple[timedelta, datetime]]:
        past = coarse_past(store)
        clock.advance(timedelta(days=10))
        colony.settle()
        return past

    with monkeypatch.context() as patch:
        looks = iter([merged_just_after])
        patch.setattr("coral.query.helpers.coarse_past", lambda store: next(looks, coarse_past)(store))
        # The window begins within a bucket of 15 minutes that was not there at the first look.
        found = helpers.requests("payments", cut)
    assert set(colony.tables()) == {"rollups_15m"}
    assert (found.count, found.window.start) == (expected.count, whole.start)
    # What memory read before its minutes were merged is not added to the merged ones.
    both = Window(START - timedelta(days=1), cut.end, timedelta(days=1))
    assert helpers.requests("payments", both, from_memory).count == expected.count


async def _in_worker(api: QueryApi, window: Window) -> list[dict[str, object]]:
    text = SUMS.replace("$start", f"TIMESTAMP '{window.start}'").replace("$end", f"TIMESTAMP '{window.end}'")
    messages: list[bytes] = []
    async for part in api.execute_query(pb.ExecuteQueryRequest(sql=text)):
        if part.HasField("header"):
            messages.append(part.header.arrow_schema)
        elif part.HasField("batch"):
            messages.append(part.batch.arrow_batch)
    rows: list[dict[str, object]] = pa.ipc.open_stream(b"".join(messages)).read_all().to_pylist()
    return rows
