"""A histogram point's numbers, of either kind, and the difference of two of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class Distribution(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many values fell where, in the metric's own unit.

    An explicit histogram has `bounds` and `counts`, one more; an exponential one has a `scale`.

    Attributes:
        count: All values.
        sum: Their sum; None when it is unknown.
        bounds: Upper bounds of all explicit buckets but the last.
        counts: Values by explicit bucket.
        scale: Of an exponential histogram; None of an explicit one.
        positive: Positive values by index of their exponential bucket, without empty ones.
        low_count: Values of an exponential histogram that are zero or negative.
    """

    count: int
    sum: float | None = None
    bounds: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    scale: int | None = None
    positive: dict[int, int] = {}
    low_count: int = 0

    @classmethod
    def of(cls, point: Mapping[str, Any]) -> Distribution:
        """The distribution of a row of `metrics`; where there are buckets, their sum is the count."""
        if point["scale"] is None:
            counts = tuple(point["bucket_counts"] or ())
            count = sum(counts) if counts else point["count"]
            return cls(count, point["sum"], tuple(point["bounds"] or ()), counts)
        numbered = enumerate(point["positive_counts"] or (), point["positive_offset"])
        positive = {index: count for index, count in numbered if count}
        low = point["zero_count"] + sum(point["negative_counts"] or ())
        return cls(
            *(sum(positive.values()) + low, point["sum"]),
            scale=point["scale"],
            positive=positive,
            low_count=low,
        )

    @property
    def buckets(self) -> int:
        """How many numbers it takes."""
        return 1 + len(self.counts) + len(self.positive)

    def since(self, before: Distribution) -> Distribution | None:
        """What came to `before` to make this one.

        Returns:
            The difference, or None where there is none: a count is smaller than before, or the bounds differ.
        """
        kinds_differ = (self.scale is None) != (before.scale is None)
        if kinds_differ or self.bounds != before.bounds or len(self.counts) != len(before.counts):
            return None
        counts = tuple(now - then for now, then in zip(self.counts, before.counts, strict=True))
        scale, positive = None, {}
        if self.scale is not None and before.scale is not None:
            scale = min(self.scale, before.scale)
            positive = self.at_scale(scale)
            for index, then in before.at_scale(scale).items():
                positive[index] = positive.get(index, 0) - then
        low_count = self.low_count - before.low_count
        if min(self.count - before.count, low_count, *counts, *positive.values()) < 0:
            return None
        total = None if self.sum is None or before.sum is None else max(self.sum - before.sum, 0.0)
        rest = {index: count for index, count in positive.items() if count}
        return Distribution(
            self.count - before.count, total, self.bounds, counts, scale, rest, low_count=low_count
        )

    def at_scale(self, scale: int) -> dict[int, int]:
        """Positive counts by bucket at the same or a coarser scale: two neighbours join at each step."""
        shift = (self.scale or 0) - scale
        found: dict[int, int] = {}
        for index, count in self.positive.items():
            found[index >> shift] = found.get(index >> shift, 0) + count
        return found
