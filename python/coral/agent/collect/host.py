"""CPU and memory of the host, by psutil."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import psutil

from coral.clock import Clock
from coral.store.api import Store, Transaction


@dataclass(frozen=True)
class HostSample:
    """One look at the host.

    Attributes:
        time: When it was taken, UTC.
        cpu_pct: CPU use over all cores since the sample before, percent, 0 to 100.
        mem_used: Memory in use (total minus available), bytes.
        mem_total: Memory installed, bytes.
    """

    time: datetime
    cpu_pct: float
    mem_used: int
    mem_total: int


def sample_host(clock: Clock) -> HostSample:
    """Takes a sample. The first one of a process covers no time and has `cpu_pct` 0."""
    memory = psutil.virtual_memory()
    return HostSample(
        clock.now(), psutil.cpu_percent(interval=None), memory.total - memory.available, memory.total
    )


class HostCollector:
    """Samples the host at an interval and stores each sample."""

    def __init__(self, store: Store, *, agent_id: str, clock: Clock, interval: float) -> None:
        self._store = store
        self._agent_id = agent_id
        self._clock = clock
        self._interval = interval

    async def run(self) -> None:
        """Samples until cancelled. The first sample comes after a second, to have a CPU figure."""
        sample_host(self._clock)
        await asyncio.sleep(min(1.0, self._interval))
        while True:
            sample = sample_host(self._clock)
            await asyncio.wrap_future(self._store.submit(partial(self._write, sample)))
            await asyncio.sleep(self._interval)

    def _write(self, sample: HostSample, transaction: Transaction) -> None:
        transaction.connection.execute(
            "INSERT INTO system_metrics (ingest_seq, agent_id, bucket_time, sample_count, cpu_pct_sum,"
            " mem_used_sum, mem_total, last_sample_time) VALUES (?, ?, date_trunc('minute', ?::TIMESTAMP), 1, ?, ?, ?, ?)",
            [
                transaction.seq,
                self._agent_id,
                sample.time,
                sample.cpu_pct,
                float(sample.mem_used),
                sample.mem_total,
                sample.time,
            ],
        )
