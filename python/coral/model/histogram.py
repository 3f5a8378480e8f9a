"""Exponential histograms at scale 6, mergeable by adding counts.

The buckets are those of OpenTelemetry's exponential histogram data point at scale 6: bucket `i`
holds values in `(base**i, base**(i+1)]` with `base = 2 ** (1/64)`. A value is reported as the
point of its bucket with the smallest largest relative error, which is at most
`(base - 1) / (base + 1)` = 0.54 %. Quantiles interpolate linearly between neighbouring ranks, as
`quantile_cont` of DuckDB and the default of numpy do.

Source: https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

SCALE: Final = 6
BUCKETS_PER_OCTAVE: Final = 2**SCALE
BASE: Final = 2.0 ** (1.0 / BUCKETS_PER_OCTAVE)
RELATIVE_ERROR: Final = (BASE - 1.0) / (BASE + 1.0)
ZERO_BUCKET: Final = -2
"""The bucket of zero, which has no place in an exponential histogram. It is reported as zero."""
LOWEST_BUCKET: Final = ZERO_BUCKET
HIGHEST_BUCKET: Final = 63 * BUCKETS_PER_OCTAVE - 1
"""The bucket of the largest 64-bit integer."""


def bucket_of(value: float) -> int:
    """The bucket of a value; values above 0 and up to 1 share bucket -1.

    Args:
        value: Any non-negative number, nanoseconds for durations.
    """
    if value <= 0:
        return ZERO_BUCKET
    return math.ceil(math.log2(max(value, 1.0)) * BUCKETS_PER_OCTAVE) - 1


def bucket_value(bucket: int) -> float:
    """The value that stands for a bucket: within `RELATIVE_ERROR` of everything in it, from 1 on."""
    if bucket == ZERO_BUCKET:
        return 0.0
    return float(2.0 ** (bucket / BUCKETS_PER_OCTAVE) * 2.0 * BASE / (1.0 + BASE))


def quantile(buckets: Mapping[int, int], q: float, *, smallest: float, largest: float) -> float:
    """The `q`-quantile of what is in the buckets.

    Args:
        buckets: Counts by bucket; at least one is positive.
        q: Fraction, 0 to 1.
        smallest: The exact minimum of the values.
        largest: The exact maximum of the values.

    Returns:
        The quantile in the unit of the values.

    Raises:
        ValueError: There is no value, or `q` is out of range.
    """
    total = sum(buckets.values())
    if total == 0 or not 0.0 <= q <= 1.0:
        raise ValueError(f"quantile {q} of {total} values")
    rank = q * (total - 1)
    low, high = math.floor(rank), math.ceil(rank)
    at_low = _at_rank(buckets, low, total, smallest, largest)
    at_high = _at_rank(buckets, high, total, smallest, largest)
    return at_low + (at_high - at_low) * (rank - low)


def _at_rank(buckets: Mapping[int, int], rank: int, total: int, smallest: float, largest: float) -> float:
    if rank == 0:
        return smallest
    if rank == total - 1:
        return largest
    seen = 0
    for bucket in sorted(buckets):
        seen += buckets[bucket]
        if seen > rank:
            return min(max(bucket_value(bucket), smallest), largest)
    return largest
