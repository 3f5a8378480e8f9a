"""Sends a server's own metrics by OTLP, the same figures as `/metrics`.

The metrics are collected as for Prometheus and converted here, so both always agree.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coral.serve.exposition import Metrics

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import HistogramDataPoint, MetricsData
    from opentelemetry.sdk.metrics.export import Metric as OtlpMetric
    from prometheus_client.core import Metric

_log = logging.getLogger(__name__)
_EXPORT_SECONDS: Final = 10.0


@dataclass(frozen=True)
class SelfTelemetry:
    """Where a program's own metrics are sent by OTLP.

    Attributes:
        endpoint: OTLP/gRPC receiver, `HOST:PORT`, without TLS.
        interval: Seconds between exports.
    """

    endpoint: str
    interval: float


async def keep_exporting(metrics: Metrics, to: SelfTelemetry, *, resource: Mapping[str, str]) -> None:
    """Exports at an interval until it is cancelled; what fails is logged.

    A receiver that does not answer is logged; the next export carries the sums up to then.

    Args:
        metrics: What is sent.
        to: Where, and how often.
        resource: Resource attributes, `service.name` among them.
    """
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter

    exporter = OTLPMetricExporter(endpoint=to.endpoint, insecure=True, timeout=_EXPORT_SECONDS)
    start_ns = time.time_ns()

    def export() -> None:
        from opentelemetry.sdk.metrics.export import MetricExportResult

        data = to_otlp(metrics.families(), resource=resource, start_ns=start_ns, now_ns=time.time_ns())
        if exporter.export(data) is not MetricExportResult.SUCCESS:
            _log.warning("own metrics were not taken by the OTLP receiver at %s", to.endpoint)

    try:
        while True:
            await asyncio.sleep(to.interval)
            try:
                await asyncio.to_thread(export)
            except Exception as error:  # a metric that cannot be collected must not end the program
                _log.error("own metrics could not be exported: %s", error)
    finally:
        await asyncio.to_thread(exporter.shutdown)


def to_otlp(
    families: list[Metric], *, resource: Mapping[str, str], start_ns: int, now_ns: int
) -> MetricsData:
    """Prometheus metric families as OTLP metrics; cumulative, with the names that Prometheus has.

    Args:
        families: What `Metrics.families` answers.
        resource: Resource attributes.
        start_ns: When the sums began, Unix time.
        now_ns: When they were read, Unix time.
    """
    from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics, ScopeMetrics
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope

    found = [_metric(family, start_ns, now_ns) for family in families if family.samples]
    scope = ScopeMetrics(scope=InstrumentationScope("coral"), metrics=found, schema_url="")
    return MetricsData([ResourceMetrics(Resource(dict(resource)), [scope], schema_url="")])


def _metric(family: Metric, start_ns: int, now_ns: int) -> OtlpMetric:
    from opentelemetry.sdk.metrics.export import (
        AggregationTemporality,
        Gauge,
        Histogram,
        Metric,
        NumberDataPoint,
        Sum,
    )

    data: Gauge | Histogram | Sum
    if family.type == "histogram":
        data = Histogram(_histograms(family, start_ns, now_ns), AggregationTemporality.CUMULATIVE)
    else:
        points = [
            NumberDataPoint(dict(sample.labels), start_ns, now_ns, float(sample.value))
            for sample in family.samples
            if not sample.name.endswith("_created")
        ]
        if family.type == "counter":
            data = Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=True)
        else:
            data = Gauge(points)
    name = f"{family.name}_total" if family.type == "counter" else family.name
    return Metric(name, family.documentation, "", data)


def _histograms(family: Metric, start_ns: int, now_ns: int) -> list[HistogramDataPoint]:
    from opentelemetry.sdk.metrics.export import HistogramDataPoint

    edges: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    sums: dict[tuple[tuple[str, str], ...], float] = {}
    for sample in family.samples:
        labels = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
        if sample.name.endswith("_bucket"):
            edges.setdefault(labels, []).append((float(sample.labels["le"]), sample.value))
        elif sample.name.endswith("_sum"):
            sums[labels] = sample.value
    points = []
    for labels, cumulative in edges.items():
        cumulative.sort()
        upto = [int(count) for _, count in cumulative]
        counts = [count - before for count, before in zip(upto, [0, *upto], strict=False)]
        points.append(
            HistogramDataPoint(
                dict(labels),
                start_ns,
                now_ns,
                count=upto[-1],
                sum=sums[labels],
                bucket_counts=counts,
                explicit_bounds=[edge for edge, _ in cumulative[:-1]],
                min=None,  # type: ignore[arg-type]  # not known; the encoder leaves them out
                max=None,  # type: ignore[arg-type]
            )
        )
    return points
