"""Examples of the proposal and its use cases, by `coral run`, over seeded telemetry with known answers."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from opentelemetry import trace as otel
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

from coral.demo.examples import example
from coral.testing.processes import Fleet, coral_json, query_rows, run_coral, settled

REQUESTS = 300
"""Request n of payments takes 3 n ms; the first twelve with an odd n fail, all of provider adyen."""
CACHED = 100
"""So many of them ask Redis and SQL; where the cache misses (even n), SQL takes 60 ms instead of 10."""
INSTANCES = {"payments": ("h1", "h1", "h2"), "orders": ("h1", "h1", "h1")}
"""Configuration hash of each instance."""


@pytest.fixture(scope="module")
def colony(fleet: Fleet) -> str:
    """The address of a colony that has everything."""
    endpoint = f"http://{fleet.agent.otlp_grpc}"
    for service, hashes in INSTANCES.items():
        for instance, config in enumerate(hashes):
            attributes = {
                "service.name": service,
                "service.instance.id": f"{service}-{instance}",
                "app.config.hash": config,
            }
            provider = TracerProvider(resource=Resource.create(attributes), shutdown_on_exit=False)
            exporter = OTLPSpanExporter(endpoint=endpoint, insecure=True)
            provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=10_000))
            if service == "payments" and instance == 0:
                _pay(provider)
            else:
                provider.get_tracer("test").start_span("GET /", kind=SpanKind.SERVER).end()
            assert provider.force_flush()
            provider.shutdown()
    _measure(endpoint)
    spans = "SELECT count(*) FROM otel_spans_local"
    expected = [[REQUESTS + 2 * CACHED + 5]]
    assert settled(lambda: query_rows(fleet.colony.grpc, spans), expected) == expected
    requests = "SELECT sum(request_count)::BIGINT FROM service_summary WHERE service_name = 'payments'"
    assert settled(lambda: query_rows(fleet.colony.grpc, requests), [[REQUESTS + 2]]) == [[REQUESTS + 2]]
    return fleet.colony.grpc


def _pay(provider: TracerProvider) -> None:
    tracer = provider.get_tracer("test")
    now = time.time_ns()
    failing = set(range(1, 24, 2))
    for number in range(1, REQUESTS + 1):
        start = now - number * 3_000_000
        attributes = {"payment.provider": "adyen" if number % 2 else "stripe"}
        span = tracer.start_span("POST /pay", kind=SpanKind.SERVER, start_time=start, attributes=attributes)
        if number <= CACHED:
            context = otel.set_span_in_context(span)
            missed = number % 2 == 0
            for system, milliseconds, more in (
                ("redis", 1, {"cache.hit": not missed}),
                ("postgresql", 60 if missed else 10, {}),
            ):
                call = tracer.start_span(
                    "call",
                    context=context,
                    kind=SpanKind.CLIENT,
                    start_time=start,
                    attributes={"db.system.name": system, **more},
                )
                call.end(end_time=start + milliseconds * 1_000_000)
        if number in failing:
            span.set_status(Status(StatusCode.ERROR))
        span.end(end_time=now)


def _measure(endpoint: str) -> None:
    """A service that only sends HTTP metrics, as Beyla does: 3 of 10 requests fail."""
    exporter = OTLPMetricExporter(endpoint=endpoint, insecure=True)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=600_000)
    resource = Resource.create({"service.name": "edge"})
    provider = MeterProvider(metric_readers=[reader], resource=resource, shutdown_on_exit=False)
    duration = provider.get_meter("test").create_histogram("http.server.request.duration", unit="s")
    for number in range(10):
        status = 500 if number < 3 else 200
        duration.record(0.1, {"http.route": "/", "http.response.status_code": status})
    assert provider.force_flush()
    provider.shutdown()


def run(colony: str, name: str, *more: str) -> tuple[int, str, str]:
    done = run_coral("run", "--check", str(example(name)), "--colony", colony, *more)
    return done.returncode, done.stdout, done.stderr


def events(colony: str, name: str, script: str) -> list[dict[str, object]]:
    found = coral_json("events", "--name", name, "--colony", colony)["events"]
    return [event for event in found if event["script"] == script]


def test_high_latency_is_alerted(colony: str) -> None:
    code, out, err = run(colony, "alert-high-latency.ts", "--timeout", "8s")
    assert code == 124
    (line,) = out.splitlines()
    match = re.fullmatch(r"\[ALERT\] High latency: ([\d.]+)ms", line)
    assert match
    assert float(match[1]) == pytest.approx(0.99 * 900, rel=0.02)
    assert err.startswith("[warning] alert: P99 latency (")
    (event,) = events(colony, "alert", "alert-high-latency.ts")
    assert event["severity"] == "warning"
    data = event["data"]
    assert isinstance(data, dict)
    assert data["service"] == "payments"
    assert data["error_rate"] == pytest.approx(12 / (REQUESTS + 2))

    code, out, err = run(colony, "alert-high-latency.ts", "--timeout", "8s", "-p", "threshold=2s")
    assert (code, out[:19]) == (124, "[OK] P99 latency: 8")
    code, out, _ = run(colony, "alert-high-latency.ts", "--timeout", "8s", "-p", "service=nobody")
    assert (code, out) == (124, "[IDLE] nobody answered nothing for 5m\n")


def test_degraded_health_is_alerted(colony: str) -> None:
    code, out, err = run(colony, "check-health-metrics.ts", "--timeout", "8s")
    assert (code, out) == (124, "")
    assert err.startswith("[critical] alert: Payments service degraded: high latency AND high error rate {")
    (event,) = events(colony, "alert", "check-health-metrics.ts")
    assert event["severity"] == "critical"


def test_errors_are_correlated_with_memory(colony: str) -> None:
    code, out, err = run(colony, "correlate-errors-memory.ts", "-p", "memoryPct=0")
    assert code == 0
    first, *rest = out.splitlines()
    assert first.startswith("12 failed spans, ")
    assert len(rest) == 12
    assert all(line.startswith("[CORRELATION] payments: Error + High Memory (") for line in rest)
    assert len(err.splitlines()) == 12
    found = events(colony, "correlation", "correlate-errors-memory.ts")
    assert len(found) == 12
    code, out, err = run(colony, "correlate-errors-memory.ts", "-p", "memoryPct=100")
    assert (code, len(out.splitlines()), err) == (0, 1, "")


def test_attributes_of_failed_spans_stand_out(colony: str) -> None:
    code, out, err = run(colony, "error-correlation.ts", "-p", "service=payments")
    assert (code, err) == (0, "(from a sample of spans)\n")
    assert out == "payment.provider = adyen: 8.0% of 150 failed\n"
    assert run(colony, "error-correlation.ts", "-p", "service=orders")[1] == "No span has failed.\n"


def test_services_that_became_slow_with_short_memory_are_alerted(colony: str) -> None:
    code, out, err = run(colony, "anomaly-latency-memory.ts", "-p", "slower=0.9", "-p", "memoryPct=0")
    assert code == 0
    lines = out.splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "[ANOMALY] edge",
        "[ANOMALY] orders",
        "[ANOMALY] payments",
    ]
    assert len(err.splitlines()) == 3
    code, out, err = run(colony, "anomaly-latency-memory.ts")
    assert (code, err) == (0, "")
    assert out.count("[ok]") == 3


def test_sql_time_goes_with_cache_misses(colony: str) -> None:
    code, out, err = run(colony, "sql-cache-misses.ts")
    assert (code, err) == (0, "")
    first, *rest = out.splitlines()
    assert first == "100 traces of payments: SQL time and cache misses correlate with r = 1.00"
    assert len(rest) == 5
    assert all(line.endswith(": 60.0ms SQL, 1 misses") for line in rest)
    assert run(colony, "sql-cache-misses.ts", "-p", "service=orders")[1].startswith("0 traces of orders")


def test_payments_are_counted_by_provider(colony: str) -> None:
    assert run(colony, "payments-by-provider.ts") == (
        0,
        "adyen: 138 ok, 12 failed (11.5 successful per failed one)\nstripe: 150 ok, 0 failed (none failed)\n",
        "",
    )


def test_a_place_for_a_probe_is_looked_for_when_requests_fail(colony: str) -> None:
    code, out, err = run(colony, "conditional-debugging.ts")
    assert code == 0
    first, second = out.splitlines()
    assert first == "payments: 3.97% of requests failed (12)"
    assert second.startswith("no place for a probe is known: ")
    assert err.startswith("[warning] probe_wanted: ")
    code, out, err = run(colony, "conditional-debugging.ts", "-p", "errorRate=0.5")
    assert (code, err) == (0, "")
    assert out == "payments: 3.97% of requests failed, nothing to look into\n"


def test_configurations_of_instances_are_compared(colony: str) -> None:
    code, out, err = run(colony, "config-hash.ts")
    assert (code, out) == (99, "h1: payments-0, payments-1\nh2: payments-2\n")
    assert "all instances of payments have the same app.config.hash" in err
    code, out, err = run(colony, "config-hash.ts", "-p", "service=orders")
    assert (code, out, err) == (0, "h1: orders-0, orders-1, orders-2\n", "")


def test_the_condition_of_an_event_trigger_holds_on_the_colony(colony: str) -> None:
    condition = "SELECT 1 FROM beyla_http_metrics WHERE error_rate > 0.01"
    assert settled(lambda: query_rows(colony, condition), [[1]]) == [[1]]
    rows = query_rows(colony, "SELECT service_name, http_route, error_rate FROM beyla_http_metrics")
    assert rows == [["edge", "/", 0.3]]


def test_every_example_is_listed_and_documented() -> None:
    listed = coral_json_list()
    folder = example("analysis.ts").parent
    assert [entry["name"] for entry in listed] == sorted(path.stem for path in folder.glob("*.ts"))
    assert all(20 < len(entry["about"]) <= 120 for entry in listed), listed
    document = Path(__file__).parents[1] / "typescript" / "examples" / "README.md"
    if document.exists():
        text = document.read_text(encoding="utf-8")
        assert [entry["name"] for entry in listed if f"`{entry['name']}.ts`" not in text] == []


def coral_json_list() -> list[dict[str, str]]:
    done = run_coral("examples", "list", "--json")
    assert done.returncode == 0
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found
