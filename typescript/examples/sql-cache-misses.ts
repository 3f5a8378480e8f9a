// Finds traces whose SQL is slow and whose cache lookups missed, and says whether the two go together.
import * as coral from "@coral/sdk";

const { service, window } = coral.defineParams({
  service: { type: "string", default: "payments", description: "whose traces" },
  window: { type: "duration", default: "15m", description: "how far to look back" },
});

interface Trace {
  trace_id: string;
  sql_ms: number;
  misses: number;
}

// OpenTelemetry names the database db.system.name, before 2025 db.system; whether a lookup missed says the application.
const traces = await coral.db.query<Trace>(
  `WITH calls AS (
     SELECT trace_id, duration_ns,
            coalesce(attributes->>'$."db.system.name"', attributes->>'$."db.system"') AS system,
            attributes->>'$."cache.hit"' AS hit
     FROM otel_spans_local WHERE service_name = $service AND kind = 'CLIENT' AND start_time >= $since
   )
   SELECT trace_id, sum(duration_ns) FILTER (system <> 'redis') / 1e6 AS sql_ms,
          count(*) FILTER (system = 'redis' AND hit = 'false') AS misses
   FROM calls WHERE system IS NOT NULL GROUP BY trace_id
   HAVING count(*) FILTER (system <> 'redis') > 0 AND count(*) FILTER (system = 'redis') > 0
   ORDER BY misses DESC, sql_ms DESC, trace_id`,
  { service, since: new Date(Date.now() - window) },
);

if (traces.length < 3) {
  console.log(`${traces.length} traces of ${service} ask both SQL and Redis: too few to say anything.`);
} else {
  const r = correlation(traces.map((trace) => trace.sql_ms), traces.map((trace) => trace.misses));
  console.log(`${traces.length} traces of ${service}: SQL time and cache misses correlate with r = ${r.toFixed(2)}`);
  for (const { trace_id, sql_ms, misses } of traces.slice(0, 5)) {
    console.log(`  ${trace_id}: ${sql_ms.toFixed(1)}ms SQL, ${misses} misses`);
  }
}

/** Pearson's correlation of two lists; 0 where one of them never changes. */
function correlation(a: number[], b: number[]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  const sum = (term: (index: number) => number) => a.reduce((total, _, index) => total + term(index), 0);
  const together = sum((index) => (a[index] - meanA) * (b[index] - meanB));
  const apart = Math.sqrt(sum((index) => (a[index] - meanA) ** 2) * sum((index) => (b[index] - meanB) ** 2));
  return apart === 0 ? 0 : together / apart;
}
