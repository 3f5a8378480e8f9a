// The snippets of the design document that the SDK covers so far, unchanged. They are checked by the
// type checker (`deno check`), not run.
// deno-lint-ignore-file no-unused-vars

import * as coral from "@coral/sdk";

const threshold = 500_000_000;

// Query local DuckDB
const spans = await coral.db.query(`
  SELECT trace_id, span_id, duration_ns
  FROM otel_spans_local
  WHERE service_name = 'payments'
    AND duration_ns > 500000000
  ORDER BY start_time DESC
  LIMIT 100
`);

// High-level metrics helpers
const p99 = await coral.metrics.getPercentile("payments", "http.server.duration", 0.99);
const errorRate = await coral.metrics.getErrorRate("payments", "5m");
console.log(`[ALERT] High latency: ${p99 / 1_000_000}ms`, errorRate * 100);

// Query traces
const slowTraces = await coral.traces.query({
  service: "payments",
  minDuration: "500ms",
  timeRange: "1h",
});

// System metrics
const cpu = await coral.system.getCPU();
const memory = await coral.system.getMemory();

const svcs = await coral.services.list();
for (const svc of svcs) {
  const p99 = await svc.metrics.getP99("http.server.duration");
  if (p99 > threshold) {
    console.log(`⚠️ ${svc.name}: ${p99}ms`);
  }
}

async function analyzeCorrelation() {
  // Find traces with errors
  const errorTraces = await coral.db.query(`
    SELECT trace_id, service_name, duration_ns
    FROM otel_spans_local
    WHERE status_code = 'ERROR'
      AND start_time > now() - INTERVAL '5 minutes'
  `);

  // Get memory usage for services with errors
  const memory = await coral.system.getMemory();

  for (const trace of errorTraces) {
    const memUsagePct = (memory.used / memory.total) * 100;

    if (memUsagePct > 80) {
      console.log(trace.trace_id, trace.duration_ns / 1_000_000);
      console.log(`[CORRELATION] ${trace.service_name}: Error + High Memory (${memUsagePct}%)`);
    }
  }
}

await analyzeCorrelation();
