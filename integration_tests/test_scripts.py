"""The proposal's scripts, by `coral run`, over exact spans that a real OpenTelemetry SDK has sent."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode

from coral.demo.examples import example
from coral.testing.processes import Fleet, run_coral, settled, summary_counts

REQUESTS = 1000
ERRORS = {"orders": 0, "payments": 12}
SLOWDOWN = {"orders": 0.25, "payments": 1.0}
"""Request n of a service takes n milliseconds times this."""

# What the proposal shows of the SDK, as one script (without emit, which comes later).
PROPOSAL = """
import * as coral from "@coral/sdk";

const spans = await coral.db.query(`
  SELECT trace_id, span_id, duration_ns
  FROM otel_spans_local
  WHERE service_name = 'payments'
    AND duration_ns > 500000000
  ORDER BY start_time DESC
  LIMIT 100
`);
const p99 = await coral.metrics.getPercentile("payments", "http.server.duration", 0.99);
const errorRate = await coral.metrics.getErrorRate("payments", "5m");
const slowTraces = await coral.traces.query({
  service: "payments",
  minDuration: "500ms",
  timeRange: "1h"
});
const cpu = await coral.system.getCPU();
const memory = await coral.system.getMemory();
const memUsagePct = (memory.used / memory.total) * 100;

if (p99 > 500_000_000) {
  console.log(`[ALERT] High latency: ${p99 / 1_000_000}ms`);
}
const errorTraces = await coral.db.query(`
  SELECT trace_id, service_name, duration_ns
  FROM otel_spans_local
  WHERE status_code = 'ERROR'
    AND start_time > now() - INTERVAL '5 minutes'
`);
for (const trace of errorTraces) {
  if (trace.service_name !== "payments" || !(trace.duration_ns / 1_000_000 > 0)) throw new Error("wrong");
}
console.log(JSON.stringify({
  spans: spans.length > 0 && spans.every((span) => span.duration_ns > 500000000),
  errorRate,
  slowTraces: slowTraces.length > 0 && slowTraces.every((trace) => trace.durationMs >= 500),
  errorTraces: errorTraces.length > 0,
  cpu: cpu.usagePct >= 0 && cpu.usagePct <= 100,
  memory: memUsagePct > 0 && memUsagePct < 100,
}));
"""


@pytest.fixture(scope="module")
def colony(fleet: Fleet) -> str:
    """The address of a colony that has everything."""
    for service, slowdown in SLOWDOWN.items():
        exporter = OTLPSpanExporter(endpoint=f"http://{fleet.agent.otlp_grpc}", insecure=True)
        provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=2 * REQUESTS))
        tracer = provider.get_tracer("test")
        now = time.time_ns()
        for number in range(1, REQUESTS + 1):
            duration = round(number * 1_000_000 * slowdown)
            span = tracer.start_span("GET /", kind=SpanKind.SERVER, start_time=now - duration)
            if number <= ERRORS[service]:
                span.set_status(Status(StatusCode.ERROR))
            span.end(end_time=now)
        assert provider.force_flush()
        provider.shutdown()
    expected = {service: (REQUESTS, errors) for service, errors in ERRORS.items()}
    assert settled(lambda: summary_counts(fleet.colony.grpc), expected) == expected
    return fleet.colony.grpc


def test_the_latency_report_prints_as_the_proposal_shows_it(colony: str) -> None:
    done = run_coral("run", str(example("latency-report.ts")), "--colony", colony)

    assert (done.returncode, done.stderr) == (0, "")
    head, orders, payments = done.stdout.split("\n\n")[:3]
    assert head == "Service Latency Report"
    for block, name, p50, p99, errors in (
        (orders, "orders", 125.1, 247.5, "0.00"),
        (payments, "payments", 500.5, 990.0, "1.20"),
    ):
        shape = rf"{name}:\n  P50: (\d+\.\d)ms\n  P99: (\d+\.\d)ms\n  Errors: {errors}%"
        match = re.fullmatch(shape, block)
        assert match, block
        assert [float(number) for number in match.groups()] == pytest.approx([p50, p99], rel=0.01)


@pytest.mark.parametrize(
    ("threshold", "loud"), [(None, {"payments"}), (100, {"orders", "payments"}), (2000, set())]
)
def test_analysis_warns_above_its_threshold(colony: str, threshold: int | None, loud: set[str]) -> None:
    param = [] if threshold is None else ["--param", f"threshold={threshold}"]
    done = run_coral("run", str(example("analysis.ts")), "--colony", colony, *param)

    assert (done.returncode, done.stderr) == (0, "")
    assert {name for name in SLOWDOWN if f"⚠️ {name}: " in done.stdout} == loud


def test_the_snippets_of_the_proposal_run_as_they_are(colony: str, tmp_path: Path) -> None:
    script = tmp_path / "proposal.ts"
    script.write_text(PROPOSAL)
    done = run_coral("run", "--check", str(script), "--colony", colony)

    assert (done.returncode, done.stderr) == (0, "")
    alert, facts = done.stdout.splitlines()
    assert float(alert.removeprefix("[ALERT] High latency: ").removesuffix("ms")) == pytest.approx(
        990, rel=0.01
    )
    assert facts == (
        '{"spans":true,"errorRate":0.012,"slowTraces":true,"errorTraces":true,"cpu":true,"memory":true}'
    )


def test_an_uncaught_sdk_error_names_the_place_in_the_script_and_hints(colony: str, tmp_path: Path) -> None:
    script = tmp_path / "nobody.ts"
    script.write_text('import * as coral from "@coral/sdk";\n\nawait coral.metrics.getP99("nobody");\n')
    done = run_coral("run", str(script), "--colony", colony)

    assert (done.returncode, done.stdout) == (1, "")
    assert "no data for http.server.duration of nobody in the last 5m" in done.stderr
    assert "nobody.ts:3:" in done.stderr
    assert "hint: check the name with `coral services`" in done.stderr
    assert "mod.js" not in done.stderr
