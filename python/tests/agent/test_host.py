from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from coral.agent.collect.counters import Counters, difference, read_counters
from coral.agent.collect.host import HostCollector
from coral.agent.collect.rows import Taken, add_up
from coral.clock import FixedClock, SystemClock
from coral.errors import OverloadedError, UsageError
from coral.store.duckdb.store import DuckDBStore

START = datetime(2026, 11, 24, 12, 0, 30)


def counters(
    *,
    busy: float = 0.0,
    passed: float = 0.0,
    disk: dict[str, tuple[int, int]] | None = None,
    net: dict[str, tuple[int, int]] | None = None,
) -> Counters:
    return Counters(busy, passed, 4_000, 16_000, 0.5, disk, net)


def test_the_real_host_has_sensible_figures() -> None:
    first = read_counters()
    sum(number * number for number in range(200_000))
    sample = difference(first, read_counters(), seconds=0.1)
    assert 0 <= sample.cpu_pct <= 100
    assert 0 < sample.mem_used < sample.mem_total == psutil.virtual_memory().total


def test_a_sample_is_the_difference_of_two_looks() -> None:
    before = counters(busy=10, passed=100, disk={"sda": (100, 50)}, net={"eth0": (7, 8)})
    after = counters(busy=12, passed=108, disk={"sda": (300, 60)}, net={"eth0": (17, 108)})
    sample = difference(before, after, seconds=2.0)
    assert (sample.cpu_pct, sample.mem_used, sample.mem_total, sample.load1) == (25.0, 4_000, 16_000, 0.5)
    assert (sample.disk_read_bytes, sample.disk_write_bytes) == (200, 10)
    assert (sample.net_receive_bytes, sample.net_transmit_bytes) == (10, 100)


def test_counters_that_went_back_and_devices_that_come_and_go() -> None:
    before = counters(net={"eth0": (2**32 - 10, 500), "gone": (5, 5)})
    after = counters(net={"eth0": (90, 510), "new": (10**12, 10**12)})
    sample = difference(before, after, seconds=1.0)
    # The wrapped counter counts from zero, the new device not yet, the one that is gone no more.
    assert (sample.net_receive_bytes, sample.net_transmit_bytes) == (90, 10)


def test_a_container_that_tells_of_no_disk() -> None:
    sample = difference(counters(net={}), counters(net={}), seconds=1.0)
    assert (sample.disk_read_bytes, sample.disk_write_bytes) == (None, None)
    assert (sample.net_receive_bytes, sample.net_transmit_bytes) == (0, 0)


def test_no_tick_between_two_looks_keeps_the_last_figure() -> None:
    assert difference(counters(), counters(), seconds=0.001, last_cpu_pct=37.5).cpu_pct == 37.5


def test_whole_disks_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Io:
        read_bytes, write_bytes = 3, 4

    names = (
        "sda",
        "sda1",
        "nvme0n1",
        "nvme0n1p2",
        "loop0",
        "dm-0",
        "md127",
        "zram0",
        "vda",
        "mmcblk0",
        "mmcblk0p1",
    )
    monkeypatch.setattr(psutil, "disk_io_counters", lambda **_: dict.fromkeys(names, Io))
    assert sorted(read_counters().disk or ()) == ["mmcblk0", "nvme0n1", "sda", "vda"]


@pytest.mark.parametrize("failure", [RuntimeError, NotImplementedError, FileNotFoundError])
def test_a_system_without_counters(monkeypatch: pytest.MonkeyPatch, failure: type[Exception]) -> None:
    def fail(**_: Any) -> None:
        raise failure

    monkeypatch.setattr(psutil, "disk_io_counters", fail)
    monkeypatch.setattr(
        psutil, "net_io_counters", fail if failure is not FileNotFoundError else lambda **_: {}
    )
    found = read_counters()
    assert (found.disk, found.net) == (None, None)


def test_a_burst_does_not_outweigh_the_rest() -> None:
    quiet = difference(counters(), counters(busy=1, passed=10), seconds=14.0)  # 10 %
    busy = [difference(counters(), counters(busy=1, passed=1), seconds=0.01) for _ in range(100)]  # 100 %
    minute = add_up([Taken(START, sample) for sample in [quiet, *busy]])
    assert minute.mean.seconds == pytest.approx(15.0)
    assert minute.mean.cpu_pct == pytest.approx((14 * 10 + 1 * 100) / 15)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(tmp_path / "agent", kind="agent", retention=timedelta(hours=1))
    yield opened
    opened.close()


async def collecting(collector: HostCollector, until: Callable[[], bool]) -> None:
    running = asyncio.create_task(collector.run())
    while not until() and not running.done():
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def test_samples_become_rows_and_minutes_and_the_view_has_rates(store: DuckDBStore) -> None:
    looks = itertools.count()

    def look() -> Counters:
        n = next(looks)
        return counters(busy=n, passed=4 * n, disk={"sda": (1000 * n, 0)}, net={"eth0": (0, 10 * n)})

    marks = itertools.count(0, 0.001)  # each look at the monotonic clock moves it
    collector = HostCollector(
        store, agent_id="a1", clock=FixedClock(START), interval=0.02, monotonic=lambda: next(marks), read=look
    )
    asyncio.run(collecting(collector, lambda: collector.statistics().samples >= 5))
    minutes = store.query(
        "SELECT agent_id, bucket_time, sample_count, cpu_pct_sum, mem_total, load1_sum, disk_read_bytes,"
        " net_transmit_bytes, last_sample_time FROM system_metrics",
        since={"system_metrics": None},
    )
    assert len(minutes) >= 1
    for minute in minutes:
        assert minute[3] == pytest.approx(25.0)
        assert minute[:3] == ("a1", START.replace(second=0), 1)
        assert minute[4:] == (16_000, 0.5, 1000, 10, START)
    rates = store.query(
        "SELECT time, cpu_pct, mem_used, load1, disk_read_bytes_per_s, net_transmit_bytes_per_s"
        " FROM system_metrics_local",
        since={"host_samples": None},
    )
    seconds = [
        row[0] for row in store.query("SELECT seconds FROM host_samples", since={"host_samples": None})
    ]
    assert len(rates) >= len(minutes)
    for row, length in zip(rates, seconds, strict=True):
        assert row[:4] == (START, pytest.approx(25.0), 4_000, 0.5)
        assert row[4] == pytest.approx(1000 / length)


def test_a_burst_of_a_hundred_hertz(store: DuckDBStore) -> None:
    collector = HostCollector(store, agent_id="a1", clock=SystemClock(), interval=3600.0)
    collector.burst(100, 300)
    asyncio.run(collecting(collector, lambda: collector.statistics().samples >= 20))
    store.seal()
    ((rows, transactions),) = store.query(
        "SELECT count(*), count(DISTINCT ingest_seq) FROM host_samples", since={"host_samples": None}
    )
    assert rows == collector.statistics().samples >= 20
    assert transactions < rows / 5


@pytest.mark.parametrize(
    ("hz", "seconds", "message"),
    [
        (101, 1, "the rate is 101 Hz, expected above 0 and at most MAX_BURST_HZ"),
        (0, 1, "the rate is 0 Hz"),
        (float("nan"), 1, "the rate is nan Hz"),
        (10, 301, "the time is 301 s, expected above 0 and at most MAX_BURST_SECONDS"),
        (10, -1, "the time is -1 s"),
    ],
)
def test_a_burst_is_bounded(store: DuckDBStore, hz: float, seconds: float, message: str) -> None:
    collector = HostCollector(store, agent_id="a", clock=SystemClock(), interval=15)
    with pytest.raises(UsageError, match=message):
        collector.burst(hz, seconds)


class BusyStore:
    """Refuses the first jobs, as a writer with a full queue does."""

    def __init__(self, store: DuckDBStore, refusals: int) -> None:
        self._store = store
        self.refusals = refusals

    def submit(self, job: Callable[..., Any]) -> Future[Any]:
        if self.refusals:
            self.refusals -= 1
            raise OverloadedError("the writer is full")
        return self._store.submit(job)


def test_samples_wait_for_a_store_that_is_busy(store: DuckDBStore) -> None:
    marks = itertools.count(0, 0.01)
    busy = BusyStore(store, refusals=1)
    collector = HostCollector(
        busy,  # type: ignore[arg-type]
        agent_id="a1",
        clock=FixedClock(START),
        interval=0.2,
        monotonic=lambda: next(marks),
        read=lambda: counters(passed=1),
    )
    asyncio.run(collecting(collector, lambda: busy.refusals == 0 and collector.statistics().samples >= 8))
    ((rows,),) = store.query("SELECT count(*) FROM host_samples", since={"host_samples": None})
    assert rows > 3
    assert collector.statistics().lost_samples == 0
