"""Checks of the histograms that agents send: what would spoil later merges is refused at the door."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from coral.errors import UsageError
from coral.model.histogram import HIGHEST_BUCKET, LOWEST_BUCKET

HISTOGRAM_TABLES: Final = frozenset({"rollups", "service_edges"})


def check_histograms(rows: pa.Table, *, what: str) -> None:
    """Checks the histogram columns of rows that have the right types.

    Args:
        rows: Rows with `request_count`, `bucket_index` and `bucket_count`.
        what: What the rows are, for errors.

    Raises:
        UsageError: The lists of a row differ in length, hold NULL, a bucket that does not exist or a
            count below 1, or the counts do not add up to the requests.
    """
    indexes, counts = rows["bucket_index"].combine_chunks(), rows["bucket_count"].combine_chunks()
    lengths_agree = pc.equal(pc.list_value_length(indexes), pc.list_value_length(counts))
    if not pc.all(lengths_agree, min_count=0).as_py():
        raise UsageError(f"the {what} have bucket_index and bucket_count of different lengths")
    flat, numbers = indexes.flatten(), counts.flatten()
    if flat.null_count or numbers.null_count:
        raise UsageError(f"the {what} have NULL in a histogram")
    range_ = pc.min_max(flat).as_py()
    if len(flat) and not LOWEST_BUCKET <= range_["min"] <= range_["max"] <= HIGHEST_BUCKET:
        raise UsageError(
            f"the {what} have buckets {range_['min']} to {range_['max']},"
            f" expected {LOWEST_BUCKET} to {HIGHEST_BUCKET}"
        )
    total = pc.sum(numbers, min_count=0).as_py()
    requests = pc.sum(rows["request_count"], min_count=0).as_py()
    if total != requests or (len(numbers) and pc.min(numbers).as_py() < 1):
        raise UsageError(
            f"the {what} have {total} values in histograms for {requests} requests, expected as many",
            hint="every bucket counts at least 1",
        )
