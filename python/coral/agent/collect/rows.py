"""Host samples as rows: each one in `host_samples`, added up in `system_metrics`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import pyarrow as pa

from coral.agent.collect.counters import HostSample
from coral.store.api import Transaction
from coral.store.duckdb.rows import insert_rows

_INT, _REAL = pa.int64(), pa.float64()
_SAMPLES: Final = pa.schema(
    [
        ("time", pa.timestamp("us")),
        ("seconds", _REAL),
        ("cpu_pct", _REAL),
        ("mem_used", _INT),
        ("mem_total", _INT),
        ("load1", _REAL),
        ("disk_read_bytes", _INT),
        ("disk_write_bytes", _INT),
        ("net_receive_bytes", _INT),
        ("net_transmit_bytes", _INT),
    ]
)
_MINUTES: Final = pa.schema(
    [
        ("bucket_time", pa.timestamp("us")),
        ("sample_count", _INT),
        ("cpu_pct_sum", _REAL),
        ("mem_used_sum", _REAL),
        ("mem_total", _INT),
        ("last_sample_time", pa.timestamp("us")),
        ("load1_sum", _REAL),
        ("disk_read_bytes", _INT),
        ("disk_write_bytes", _INT),
        ("net_receive_bytes", _INT),
        ("net_transmit_bytes", _INT),
    ]
)


@dataclass(frozen=True)
class Taken:
    """A sample and when it was taken, UTC."""

    time: datetime
    sample: HostSample


@dataclass(frozen=True)
class Minute:
    """What was seen in one regular interval, as part of its minute."""

    last_sample_time: datetime
    mean: HostSample


@dataclass
class Batch:
    """What is written in one transaction."""

    samples: list[Taken] = field(default_factory=list)
    minutes: list[Minute] = field(default_factory=list)

    def followed_by(self, later: Batch, *, most: int) -> Batch:
        """Both, the newest `most` samples of them."""
        return Batch([*self.samples, *later.samples][-most:], [*self.minutes, *later.minutes][-most:])


def add_up(taken: Sequence[Taken]) -> Minute:
    """One sample for all the time that these cover: means weighted by time, bytes added."""
    samples = [one.sample for one in taken]
    last = samples[-1]
    seconds = sum(sample.seconds for sample in samples)

    def mean(of: Callable[[HostSample], float]) -> float:
        return sum(of(sample) * sample.seconds for sample in samples) / seconds

    return Minute(
        taken[-1].time,
        HostSample(
            seconds,
            mean(lambda sample: sample.cpu_pct),
            round(mean(lambda sample: sample.mem_used)),
            last.mem_total,
            last.load1,
            _sum([sample.disk_read_bytes for sample in samples]),
            _sum([sample.disk_write_bytes for sample in samples]),
            _sum([sample.net_receive_bytes for sample in samples]),
            _sum([sample.net_transmit_bytes for sample in samples]),
        ),
    )


def write_batch(transaction: Transaction, batch: Batch, agent_id: str) -> None:
    """Inserts all of it; a job of the store's writer."""
    rows = [{"time": one.time, **vars(one.sample)} for one in batch.samples]
    insert_rows(transaction, "host_samples", pa.Table.from_pylist(rows, schema=_SAMPLES))
    if batch.minutes:
        minutes = [_minute_row(minute) for minute in batch.minutes]
        insert_rows(
            transaction,
            "system_metrics",
            pa.Table.from_pylist(minutes, schema=_MINUTES),
            {"agent_id": agent_id},
        )


def _minute_row(minute: Minute) -> dict[str, object]:
    mean = minute.mean
    return {
        "bucket_time": minute.last_sample_time.replace(second=0, microsecond=0),
        "sample_count": 1,
        "cpu_pct_sum": mean.cpu_pct,
        "mem_used_sum": float(mean.mem_used),
        "mem_total": mean.mem_total,
        "last_sample_time": minute.last_sample_time,
        "load1_sum": mean.load1,
        "disk_read_bytes": mean.disk_read_bytes,
        "disk_write_bytes": mean.disk_write_bytes,
        "net_receive_bytes": mean.net_receive_bytes,
        "net_transmit_bytes": mean.net_transmit_bytes,
    }


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
