"""Cumulative metric series: what came since the point before, kept across restarts.

A series is identified by service, instance, scope, metric, unit, attributes and its start time. A process
that restarts has a new start time and so is a new series, and two processes that say the same about
themselves stay apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

import duckdb
import msgspec
import pyarrow as pa

from coral.agent.rollup.distribution import Distribution
from coral.agent.rollup.relations import relations
from coral.limits import MAX_METRIC_SERIES, MAX_METRIC_SERIES_BUCKETS
from coral.store.api import Transaction

FRESH: Final = timedelta(minutes=5)
"""A series that is new here and started at most this long before its first point counts from zero. An older
one has a past that was counted before or that nobody knows, so its first point only sets the base."""

_KEEP_OF_FULL: Final = 0.9
_WATERMARK: Final = ""  # the row that holds the last time of the newest forgotten series
_EPOCH: Final = datetime(1970, 1, 1)
_encode = msgspec.json.encode
_decoder = msgspec.json.Decoder(Distribution)


class MetricSeries:
    """The last point of each series.

    In memory is a copy of the table `metric_series` as it will be when the rollup is committed; `begin` reads
    the table again where the last rollup was not.
    """

    def __init__(self) -> None:
        self._last: dict[str, tuple[datetime, Distribution]] = {}
        self._forgotten = _EPOCH
        self._touched: set[str] = set()
        self._holds_at: int | None = None

    def begin(self, connection: duckdb.DuckDBPyConnection, low: int) -> None:
        """Starts a rollup of what is above the ingest sequence `low`."""
        self._touched.clear()
        if self._holds_at == low:
            return
        rows = connection.execute("SELECT series, last_time, state FROM metric_series").fetchall()
        self._last = {series: (time, _decoder.decode(state)) for series, time, state in rows if series}
        self._forgotten = next((time for series, time, _ in rows if series == _WATERMARK), _EPOCH)

    def difference(self, point: Mapping[str, Any], now: Distribution) -> Distribution | None:
        """What a cumulative point adds to what is counted already.

        Args:
            point: A row of `metrics`; its `attributes` must be the same text whatever their order was.
            now: Its numbers.

        Returns:
            The difference; None where the point is not newer than the one before, or only sets the base.
        """
        series = _identity(point)
        time: datetime = point["time"]
        start: datetime | None = point["start_time"]
        before = self._last.get(series)
        if before is not None and time <= before[0]:
            return None
        self._last[series] = (time, now)
        self._touched.add(series)
        if before is None:
            # A forgotten series started before the newest time that was forgotten.
            fresh = start is not None and start >= time - FRESH and start > self._forgotten
            return now if fresh else None
        added = now.since(before[1])
        if added is None and now.count < before[1].count:
            return now  # it fell: a reset without a new start time
        return added

    def finish(self, high: int) -> Callable[[Transaction], None]:
        """Ends a rollup of what is up to the ingest sequence `high`; answers what writes the changes."""
        self._forget()
        changed = sorted(self._touched)
        rows = [(series, *self._last[series]) for series in changed if series in self._last]
        if _WATERMARK in self._touched:
            rows.append((_WATERMARK, self._forgotten, Distribution(0)))
        states = pa.table(
            {
                "series": pa.array([series for series, _, _ in rows], pa.string()),
                "last_time": pa.array([time for _, time, _ in rows], pa.timestamp("us")),
                "state": pa.array([_encode(state).decode() for _, _, state in rows], pa.string()),
            }
        )
        names = pa.table({"series": pa.array(changed, pa.string())})
        self._holds_at = high

        def commit(transaction: Transaction) -> None:
            if not changed:
                return
            connection = transaction.connection
            with relations(connection, changed_series=names, new_states=states):
                connection.execute("DELETE FROM metric_series WHERE series IN (FROM changed_series)")
                connection.execute("INSERT INTO metric_series BY NAME FROM new_states")

        return commit

    def _forget(self) -> None:
        buckets = sum(state.buckets for _, state in self._last.values())
        if len(self._last) <= MAX_METRIC_SERIES and buckets <= MAX_METRIC_SERIES_BUCKETS:
            return
        for series in sorted(self._last, key=lambda series: self._last[series][0]):
            if (
                len(self._last) <= MAX_METRIC_SERIES * _KEEP_OF_FULL
                and buckets <= MAX_METRIC_SERIES_BUCKETS * _KEEP_OF_FULL
            ):
                break
            time, state = self._last.pop(series)
            buckets -= state.buckets
            self._forgotten = max(self._forgotten, time)
            self._touched.add(series)
        self._touched.add(_WATERMARK)


def _identity(point: Mapping[str, Any]) -> str:
    parts = [
        point[name]
        for name in (
            *(
                "service_name",
                "instance_id",
                "scope_name",
                "metric_name",
                "metric_type",
                "unit",
                "attributes",
            ),
            "start_time",
        )
    ]
    return blake2b(_encode(parts), digest_size=16).hexdigest()
