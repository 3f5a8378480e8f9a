"""Instruments and figures as Prometheus text.

`prometheus_client` is imported when metrics are asked for the first time: a colony that lives for one
`coral run` never pays for it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from coral.serve.instruments import Counter, Figure, Histogram

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

Instrument: TypeAlias = Counter | Histogram
ReadFigures: TypeAlias = Callable[[], Iterable[Figure]]


class Metrics:
    """All metrics of one process. Used from any thread."""

    def __init__(self, instruments: Sequence[Instrument], figures: ReadFigures) -> None:
        """Collects nothing yet.

        Args:
            instruments: What was declared at module level.
            figures: Reads the rest; called for each collection, in the collecting thread.
        """
        self._instruments = tuple(instruments)
        self._figures = figures

    def text(self) -> bytes:
        """The page that Prometheus scrapes, text format 0.0.4."""
        from prometheus_client import generate_latest

        return generate_latest(self._registry)

    def families(self) -> list[Metric]:
        """The metrics as of now, those of the process itself (CPU, memory, files) included."""
        return list(self._registry.collect())

    def collect(self) -> Iterable[Metric]:
        """What `CollectorRegistry` calls."""
        for instrument in self._instruments:
            yield _histogram(instrument) if isinstance(instrument, Histogram) else _counter(instrument)
        by_name = sorted(self._figures(), key=lambda figure: figure.name)
        for _, group in itertools.groupby(by_name, key=lambda figure: figure.name):
            yield _family(list(group))

    def describe(self) -> Iterable[Metric]:
        """Nothing: names are not known before the first collection."""
        return ()

    @cached_property
    def _registry(self) -> CollectorRegistry:
        from prometheus_client import CollectorRegistry, ProcessCollector

        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(self)
        return registry


def _counter(instrument: Counter) -> Any:
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(
        instrument.name.removesuffix("_total"), instrument.help, labels=instrument.labels
    )
    # One without labels is there from the start, so that its first increase is seen as one.
    values = instrument.values() or ({(): 0.0} if not instrument.labels else {})
    for labels, value in sorted(values.items()):
        family.add_metric(labels, value)
    return family


def _histogram(instrument: Histogram) -> Any:
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(instrument.name, instrument.help, labels=instrument.labels)
    edges = [*(str(bound) for bound in instrument.bounds), "+Inf"]
    for labels, seen in sorted(instrument.values().items()):
        buckets = list(zip(edges, itertools.accumulate(seen.counts), strict=True))
        family.add_metric(labels, buckets=buckets, sum_value=seen.total)
    return family


def _family(figures: list[Figure]) -> Any:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    first = figures[0]
    names = tuple(first.labels)
    make = CounterMetricFamily if first.name.endswith("_total") else GaugeMetricFamily
    family = make(first.name.removesuffix("_total"), first.help, labels=names)
    for figure in figures:
        family.add_metric([figure.labels[name] for name in names], figure.value)
    return family
