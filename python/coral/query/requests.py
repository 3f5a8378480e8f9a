"""Requests of a service, merged: from rows of `rollups`, and packed into a few bytes."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

_HEAD: Final = struct.Struct("<qqqqHc")  # count, errors, smallest, largest, buckets, type of the counts
_MINUTE_US: Final = 60_000_000
_KINDS: Final = ("SERVER", "CONSUMER", "METRIC")  # spans that are requests, and requests as metrics tell them


@dataclass
class Requests:
    """Requests of one service, merged: counts, errors, extremes in ns, and histogram buckets."""

    count: int = 0
    errors: int = 0
    smallest: int = 0
    largest: int = 0
    buckets: dict[int, int] = field(default_factory=dict)

    def add(
        self, count: int, errors: int, smallest: int, largest: int, buckets: Iterable[tuple[int, int]]
    ) -> None:
        """Merges more into it; `count` is positive."""
        self.smallest = min(self.smallest, smallest) if self.count else smallest
        self.largest = max(self.largest, largest) if self.count else largest
        self.count += count
        self.errors += errors
        own = self.buckets
        for index, number in buckets:
            own[index] = own.get(index, 0) + number

    def add_packed(self, packed: bytes) -> None:
        """Merges what `packed` wrote."""
        count, errors, smallest, largest, number, kind = _HEAD.unpack_from(packed)
        split = _HEAD.size + 2 * number
        indexes, counts = array("h"), array(kind.decode())
        indexes.frombytes(packed[_HEAD.size : split])
        counts.frombytes(packed[split:])
        self.add(count, errors, smallest, largest, zip(indexes, counts, strict=True))

    def packed(self) -> bytes:
        """A compact form, about 6 bytes a bucket."""
        kind = "I" if self.count < 2**32 else "Q"
        head = _HEAD.pack(
            self.count, self.errors, self.smallest, self.largest, len(self.buckets), kind.encode()
        )
        return b"".join(
            (head, array("h", self.buckets).tobytes(), array(kind, self.buckets.values()).tobytes())
        )


@dataclass
class BySource:
    """Requests as spans tell them, and as metrics do: never both count."""

    spans: Requests = field(default_factory=Requests)
    metrics: Requests = field(default_factory=Requests)

    def chosen(self) -> Requests:
        """Those from SERVER and CONSUMER spans, or from metrics where there is no such span."""
        return self.spans if self.spans.count else self.metrics


Key = tuple[int, str, bool]
"""A minute since 1970, a service, and whether metrics told it, not spans."""


def merged_requests(rows: pa.Table) -> list[tuple[Key, Requests]]:
    """The requests in rows of `rollups`, one item per minute, service and source.

    Arrow does the merging, so that the time goes by what is different and not by the rows: a thousand
    agents that run the same services send the same keys.
    """
    wanted = pc.and_(pc.is_in(rows["kind"], pa.array(_KINDS)), pc.greater(rows["request_count"], 0))
    rows = rows.filter(wanted).combine_chunks()
    if not rows.num_rows:
        return []
    groups, keys = _groups(rows)
    sums = (
        pa.table(
            {
                "group": groups,
                **{name: rows[name] for name in ("request_count", "error_count", "min_ns", "max_ns")},
            }
        )
        .group_by("group", use_threads=False)
        .aggregate([("request_count", "sum"), ("error_count", "sum"), ("min_ns", "min"), ("max_ns", "max")])
    )
    buckets = dict(_buckets(rows, groups))
    columns = (
        sums[name].to_pylist()
        for name in ("group", "request_count_sum", "error_count_sum", "min_ns_min", "max_ns_max")
    )
    return [
        (keys(group), Requests(count, errors, smallest, largest, buckets.get(group, {})))
        for group, count, errors, smallest, largest in zip(*columns, strict=True)
    ]


def _groups(rows: pa.Table) -> tuple[pa.ChunkedArray, Callable[[int], Key]]:
    """A number for each row, and what it stands for."""
    minutes = pc.divide(rows["bucket_time"].cast(pa.int64()), _MINUTE_US)
    names = rows["service_name"].combine_chunks().dictionary_encode()
    services = names.dictionary.to_pylist()
    first = pc.min(minutes).as_py()
    number = pc.add(pc.multiply(pc.subtract(minutes, first), len(services)), names.indices.cast(pa.int64()))
    number = pc.add(pc.multiply(number, 2), pc.equal(rows["kind"], "METRIC").cast(pa.int64()))

    def key(group: int) -> Key:
        rest, from_metrics = divmod(group, 2)
        minute, service = divmod(rest, len(services))
        return first + minute, services[service], bool(from_metrics)

    return number, key


def _buckets(rows: pa.Table, groups: pa.ChunkedArray) -> Iterator[tuple[int, dict[int, int]]]:
    """The buckets of each group that has any."""
    indexes, counts = rows["bucket_index"].combine_chunks(), rows["bucket_count"].combine_chunks()
    merged = (
        pa.table(
            {
                "group": pc.take(groups, pc.list_parent_indices(indexes)),
                "bucket": pc.list_flatten(indexes),
                "count": pc.list_flatten(counts),
            }
        )
        .group_by(["group", "bucket"], use_threads=False)
        .aggregate([("count", "sum")])
        .sort_by("group")
        .combine_chunks()
    )
    if not merged.num_rows:
        return
    runs = pc.run_end_encode(merged["group"].combine_chunks())
    buckets, numbers = merged["bucket"].to_pylist(), merged["count_sum"].to_pylist()
    start = 0
    for group, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        yield group, dict(zip(buckets[start:end], numbers[start:end], strict=True))
        start = end
