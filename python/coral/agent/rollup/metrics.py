"""HTTP server durations that came as OTLP histograms, as rows of `rollups` with the kind METRIC.

Both semantic conventions answer: `http.server.request.duration` and the old `http.server.duration`, in the
unit that the point names. A service that sends both is counted by the new one only.

Delta points count as they are; of cumulative ones, the difference to the point before (`series`). Values are
spread within the source's buckets (`coral.model.spread`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import duckdb
import msgspec
import pyarrow as pa

from coral.agent.rollup.distribution import Distribution
from coral.agent.rollup.part import Fresh, Made
from coral.agent.rollup.series import MetricSeries
from coral.agent.rollup.statements import statement
from coral.limits import MAX_SERVICES_PER_AGENT
from coral.model.histogram import SCALE, ZERO_BUCKET, bucket_value
from coral.model.spread import LARGEST_NS, spread
from coral.wire.batches import BATCH_TABLES

NEW_METRIC: Final = "http.server.request.duration"
OLD_METRIC: Final = "http.server.duration"
KIND: Final = "METRIC"

_UNIT_NS: Final = {"s": 1e9, "ms": 1e6, "us": 1e3, "µs": 1e3, "ns": 1.0}
_USUAL_UNIT: Final = {NEW_METRIC: "s", OLD_METRIC: "ms"}
_MAX_REQUESTS: Final = 10**12
"""Requests of one point; more are a broken client's, and sums of them would leave BIGINT."""
_MAX_LAYOUTS: Final = 16  # different bucket layouts of one row that wait to be spread
_MAX_WAITING: Final = 8_192  # exponential buckets of one row that wait to be spread
_BATCH_ROWS: Final = 1000
_SHORT: Final = 2048  # characters of attributes that are remembered with what was read from them
_TICK: Final = timedelta(microseconds=1)


class MetricRollup:
    """Makes rows of `rollups` from metric points. One rollup at a time."""

    def __init__(self) -> None:
        self._series = MetricSeries()
        self._new_convention: dict[str, None] = {}  # services that send the new metric

    def make(self, connection: duckdb.DuckDBPyConnection, fresh: Fresh) -> Made:
        """Rows of `rollups` of the fresh points.

        Points that cannot be rolled up (not newer than the one before, without temporality or a known unit)
        are counted in `counters` as `metric_points_not_rolled_up`; the raw points stay queryable.
        """
        self._series.begin(connection, fresh.low)
        if not fresh.points:
            return Made({}, self._series.finish(fresh.high))
        self._learn_conventions(connection, fresh)
        rows: dict[tuple[datetime, str, str], _Row] = {}
        left_out = 0
        for point in _points(connection, fresh):
            service = point["service_name"]
            if point["metric_name"] == OLD_METRIC and service in self._new_convention:
                continue
            factor = _UNIT_NS.get(point["unit"] or _USUAL_UNIT[point["metric_name"]])
            route, failed, attributes = _request(point["attributes"])
            added = None if factor is None else self._added({**point, "attributes": attributes})
            if factor is None or added is None or added.count > _MAX_REQUESTS:
                left_out += 1
                continue
            if added.count == 0:
                continue
            minute = (point["time"] - _TICK).replace(second=0, microsecond=0)
            row = rows.setdefault((minute, service, route), _Row())
            row.add(added, factor, failed=failed, extremes=_extremes(point, added))
        table = pa.Table.from_pylist(
            [
                {
                    "bucket_time": minute,
                    "service_name": service,
                    "span_name": route,
                    "kind": KIND,
                    **row.columns(),
                }
                for (minute, service, route), row in sorted(rows.items(), key=lambda item: item[0])
            ],
            schema=BATCH_TABLES["rollups"],
        )
        counters = {"metric_points_not_rolled_up": left_out} if left_out else {}
        return Made({"rollups": table}, self._series.finish(fresh.high), counters)

    def _added(self, point: Mapping[str, Any]) -> Distribution | None:
        now = Distribution.of(point)
        if point["temporality"] == "DELTA":
            return now
        return self._series.difference(point, now) if point["temporality"] == "CUMULATIVE" else None

    def _learn_conventions(self, connection: duckdb.DuckDBPyConnection, fresh: Fresh) -> None:
        found = connection.execute(
            "SELECT DISTINCT service_name FROM main.metrics"
            " WHERE ingest_seq > ? AND ingest_seq <= ? AND metric_name = ? ORDER BY ALL",
            [fresh.low, fresh.high, NEW_METRIC],
        ).fetchall()
        for (service,) in found:
            self._new_convention.pop(service, None)
            self._new_convention[service] = None
        while len(self._new_convention) > 2 * MAX_SERVICES_PER_AGENT:
            del self._new_convention[next(iter(self._new_convention))]


@dataclass
class _Row:
    """One row of `rollups` in the making."""

    requests: int = 0
    errors: int = 0
    sum_ns: float = 0.0
    least_ns: float = LARGEST_NS  # the smallest and the largest value that points named
    most_ns: float = 0.0
    bounded: bool = True  # every point named them: all values lie between
    exact: bool = True  # and they are those of just these requests
    buckets: dict[int, int] = field(default_factory=dict)
    explicit: dict[tuple[tuple[float, ...], float], list[int]] = field(default_factory=dict)
    exponential: dict[tuple[int, float], dict[int, int]] = field(default_factory=dict)

    def add(
        self,
        added: Distribution,
        factor: float,
        *,
        failed: bool,
        extremes: tuple[float | None, float | None, bool],
    ) -> None:
        """Adds what one point adds.

        Args:
            added: Its numbers, in a unit of `factor` nanoseconds.
            factor: Nanoseconds per unit.
            failed: Whether its requests are errors.
            extremes: Smallest and largest value, and whether they are those of just these requests.
        """
        least, most, own = extremes
        self.requests += added.count
        self.errors += added.count if failed else 0
        if least is not None:
            self.least_ns = min(self.least_ns, max(least * factor, 0.0))
        if most is not None:
            self.most_ns = max(self.most_ns, min(max(most * factor, 0.0), LARGEST_NS))
        self.bounded &= least is not None and most is not None
        self.exact &= self.bounded and own
        before = dict(self.buckets) if added.sum is None else {}
        if added.scale is not None:
            self._add_exponential(added, factor)
        elif len(added.counts) < 2:
            # No bounds: all values are taken as the mean.
            mean = (added.sum or 0.0) / added.count * factor
            spread(self.buckets, mean, mean, added.count)
        else:
            self._add_explicit(added, factor)
        if added.sum is not None:
            self.sum_ns += min(max(added.sum * factor, 0.0), added.count * LARGEST_NS)
        else:
            self._settle()
            self.sum_ns += sum(
                bucket_value(index) * (count - before.get(index, 0)) for index, count in self.buckets.items()
            )

    def columns(self) -> dict[str, Any]:
        """The columns that are numbers."""
        self._settle()
        found = sorted(self.buckets)
        least, most = self.least_ns, self.most_ns
        if not self.exact:
            least = bucket_value(found[0])
            most = min(bucket_value(found[-1]), LARGEST_NS)
            if self.bounded:
                least, most = max(least, self.least_ns), min(most, self.most_ns)
        return {
            "request_count": self.requests,
            "error_count": self.errors,
            "sum_ns": self.sum_ns,
            "min_ns": round(min(least, most)),
            "max_ns": round(most),
            "bucket_index": found,
            "bucket_count": [self.buckets[index] for index in found],
        }

    def _add_exponential(self, added: Distribution, factor: float) -> None:
        if added.low_count:
            self.buckets[ZERO_BUCKET] = self.buckets.get(ZERO_BUCKET, 0) + added.low_count
        waiting = self.exponential.setdefault((added.scale or 0, factor), {})
        for index, count in added.positive.items():
            waiting[index] = waiting.get(index, 0) + count
        if sum(map(len, self.exponential.values())) > _MAX_WAITING:
            self._settle()

    def _add_explicit(self, added: Distribution, factor: float) -> None:
        layout = (added.bounds, factor)
        waiting = self.explicit.get(layout)
        if waiting is None:
            if len(self.explicit) >= _MAX_LAYOUTS:
                self._settle()
            self.explicit[layout] = list(added.counts)
        else:
            self.explicit[layout] = [a + b for a, b in zip(waiting, added.counts, strict=True)]

    def _settle(self) -> None:
        """Spreads the buckets that wait."""
        for (scale, factor), positive in self.exponential.items():
            for index, count in positive.items():
                low, high = (_power(edge, scale) * factor for edge in (index, index + 1))
                if scale > SCALE:
                    # Narrower than one of ours: its middle tells which.
                    low = high = (low + high) / 2.0
                spread(self.buckets, low, high, count)
        self.exponential.clear()
        for (bounds, factor), counts in self.explicit.items():
            edges = [0.0, *(bound * factor for bound in bounds)]
            for index, count in enumerate(counts):
                if not count:
                    continue
                low = max(edges[index], 0.0)
                # The last bucket is open: it ends at the largest value that was named, if one was.
                high = edges[index + 1] if index < len(bounds) else max(self.most_ns, edges[-1])
                if self.bounded:
                    low, high = max(low, self.least_ns), min(high, self.most_ns)
                spread(self.buckets, min(low, high), high, count)
        self.explicit.clear()


def _power(index: int, scale: int) -> float:
    """The lower bound of an exponential bucket, within what a double holds."""
    return float(2.0 ** min(max(index * 2.0**-scale, -1000.0), 900.0))


def _points(connection: duckdb.DuckDBPyConnection, fresh: Fresh) -> Iterator[dict[str, Any]]:
    table = connection.sql(
        statement("duration_points"), params={"lo": fresh.low, "hi": fresh.high}
    ).to_arrow_table()
    for batch in table.to_batches(_BATCH_ROWS):
        yield from batch.to_pylist()


def _extremes(point: Mapping[str, Any], added: Distribution) -> tuple[float | None, float | None, bool]:
    """A cumulative point's extremes are those of all its past, unless all of that is new."""
    own = point["temporality"] == "DELTA" or added.count == Distribution.of(point).count
    return point["min"], point["max"], own


def _request(attributes: str) -> tuple[str, bool, str]:
    """Route, whether it failed, and the attributes in one order, of a point's attributes as JSON."""
    return _short_request(attributes) if len(attributes) <= _SHORT else _read_request(attributes)


@lru_cache(maxsize=4096)
def _short_request(attributes: str) -> tuple[str, bool, str]:
    return _read_request(attributes)


def _read_request(attributes: str) -> tuple[str, bool, str]:
    values: dict[str, Any] = msgspec.json.decode(attributes)
    route = ""
    for name in ("http.route", "url.template", "http.target", "url.path"):
        if isinstance(values.get(name), str) and values[name]:
            route = values[name] if name == "http.route" else values[name].partition("?")[0]
            break
    status = str(values.get("http.response.status_code", values.get("http.status_code", "")))
    code = int(status) if status.isascii() and status.isdigit() and len(status) == 3 else 0
    kind = values.get("error.type")
    # An error type that only repeats a client's fault is none of the server's.
    failed = code >= 500 or (isinstance(kind, str) and kind not in ("", status))
    return route, failed, msgspec.json.encode(values, order="sorted").decode()
