"""A window gives the same answer before and after its minutes have become 15 minutes, hours and days."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from coral._proto.colony.v1 import query_pb2 as pb
from coral.clock import FixedClock
from coral.query.api import QueryApi
from coral.query.helpers import Helpers, Window
from coral.query.records import Records
from coral.store.guard.pool import QueryPool
from tests.store.test_tiers import Colony, rollup_rows

START = datetime(2026, 3, 1)
DAY = timedelta(days=1)


class NoRecords(Records):
    """Nobody asks for log records here."""


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
            colony.store, helpers, pool, NoRecords(), completeness=pb.Completeness, samples_traces=True
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
