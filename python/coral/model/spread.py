"""From buckets of any bounds to buckets of our own histogram.

A bucket of another histogram says only that `n` values lie between two bounds. They are taken to lie
evenly between them, the k-th of n at the fraction `(k + 0.5) / n`: what Prometheus' `histogram_quantile`
assumes. So a percentile is off by at most the width of the source's bucket that it falls into; where that
bucket lies within one of ours, nothing is lost.
"""

from __future__ import annotations

import math
from typing import Final

from coral.model.histogram import BUCKETS_PER_OCTAVE, bucket_of

LARGEST_NS: Final = float(2**63 - 1024)
"""The largest double that is a BIGINT."""


def spread(into: dict[int, int], low: float, high: float, count: int) -> None:
    """Adds `count` values that lie evenly in (low, high] to buckets at our scale.

    Args:
        into: Counts by bucket; changed.
        low: Lower bound in nanoseconds; below 0 counts as 0.
        high: Upper bound in nanoseconds; at least `low`, what is above `LARGEST_NS` counts as that.
        count: How many values, 0 or more.
    """
    high = min(max(high, 0.0), LARGEST_NS)
    low = min(max(low, 0.0), high)
    width = high - low
    bucket = bucket_of(high)
    above = count
    while above:
        edge = 2.0 ** (bucket / BUCKETS_PER_OCTAVE)  # this bucket holds what is larger
        below = 0 if bucket < 0 or edge <= low else math.floor(count * ((edge - low) / width) + 0.5)
        if below < above:
            into[bucket] = into.get(bucket, 0) + above - below
            above = below
        bucket -= 1
