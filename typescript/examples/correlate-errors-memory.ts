// Finds failed traces of the last five minutes while memory is short (over 80 %).
import * as coral from "@coral/sdk";

const { memoryPct } = coral.defineParams({
  memoryPct: { type: "number", default: 80, description: "memory in use that is much, percent" },
});

async function analyzeCorrelation(): Promise<void> {
  // Find traces with errors
  const errorTraces = await coral.db.query(`
    SELECT trace_id, service_name, duration_ns
    FROM otel_spans_local
    WHERE status_code = 'ERROR'
      AND start_time > now() - INTERVAL '5 minutes'
    ORDER BY start_time DESC
    LIMIT 20
  `);

  // Get memory usage for services with errors
  const memory = await coral.system.getMemory();
  const memUsagePct = (memory.used / memory.total) * 100;
  console.log(`${errorTraces.length} failed spans, ${memUsagePct.toFixed(0)}% of the memory in use`);

  for (const trace of errorTraces) {
    if (memUsagePct > memoryPct) {
      await coral.emit("correlation", {
        type: "error_high_memory",
        trace_id: trace.trace_id,
        service: trace.service_name,
        memory_usage_pct: memUsagePct,
        duration_ms: trace.duration_ns / 1_000_000,
      });

      console.log(`[CORRELATION] ${trace.service_name}: Error + High Memory (${memUsagePct.toFixed(1)}%)`);
    }
  }
}

await analyzeCorrelation();
