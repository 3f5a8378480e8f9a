"""What a server counts and measures about itself: counters, histograms, and figures read when asked.

An instrument is made once, at module level, beside the code that uses it, and costs about a microsecond
per use; use it per request, never per span. Nothing here imports a metrics library: `exposition` and
`self_telemetry` turn instruments into Prometheus text and OTLP when somebody asks.

Names follow Prometheus: `coral_` first, base units, counters end in `_total`.

>>> refused = Counter("coral_doc_refused_total", "Requests refused.", ("signal",))
>>> refused.add(1, "traces")
>>> refused.values()
{('traces',): 1.0}
"""

from __future__ import annotations

import bisect
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

LATENCY_BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of latency histograms, seconds."""


class Counter:
    """A sum that only grows, per combination of label values. Thread-safe."""

    def __init__(self, name: str, help_text: str, labels: Sequence[str] = ()) -> None:
        self.name = name
        self.help = help_text
        self.labels = tuple(labels)
        self._values: dict[tuple[str, ...], float] = {}
        self._lock = threading.Lock()

    def add(self, amount: float, *label_values: str) -> None:
        """Adds a non-negative amount."""
        with self._lock:
            self._values[label_values] = self._values.get(label_values, 0.0) + amount

    def values(self) -> dict[tuple[str, ...], float]:
        """The sums by label values."""
        with self._lock:
            return dict(self._values)


@dataclass(frozen=True)
class Distribution:
    """What a histogram has seen for one combination of label values.

    Attributes:
        counts: Observations per bucket, not cumulative; the last one is beyond all bounds.
        total: Sum of all observations.
    """

    counts: tuple[int, ...]
    total: float


class Histogram:
    """Counts observations in buckets, per combination of label values. Thread-safe."""

    def __init__(
        self,
        name: str,
        help_text: str,
        labels: Sequence[str] = (),
        *,
        bounds: Sequence[float] = LATENCY_BOUNDS,
    ) -> None:
        self.name = name
        self.help = help_text
        self.labels = tuple(labels)
        self.bounds = tuple(bounds)
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._totals: dict[tuple[str, ...], float] = {}
        self._lock = threading.Lock()

    def observe(self, value: float, *label_values: str) -> None:
        """Adds an observation, in the unit of the instrument's name."""
        bucket = bisect.bisect_left(self.bounds, value)
        with self._lock:
            counts = self._counts.get(label_values)
            if counts is None:
                counts = self._counts[label_values] = [0] * (len(self.bounds) + 1)
            counts[bucket] += 1
            self._totals[label_values] = self._totals.get(label_values, 0.0) + value

    @contextmanager
    def timed(self, *label_values: str) -> Iterator[None]:
        """Observes the seconds that the block takes, however it ends."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.observe(time.perf_counter() - start, *label_values)

    def values(self) -> dict[tuple[str, ...], Distribution]:
        """What was seen, by label values."""
        with self._lock:
            return {
                labels: Distribution(tuple(counts), self._totals[labels])
                for labels, counts in self._counts.items()
            }


@dataclass(frozen=True)
class Figure:
    """One figure that is read when metrics are asked for.

    Attributes:
        name: The metric's name; a name ending in `_total` is a counter, any other a gauge.
        help: What it is, one sentence; the same for all figures of a name.
        value: The value now.
        labels: Names and values.
    """

    name: str
    help: str
    value: float
    labels: dict[str, str] = field(default_factory=dict)
