// Fails (exit code 1) if the P99 of any service is over a threshold, for use in a pipeline:
//   coral run latency-check.ts --param threshold=500 --param window=15m
import * as coral from "@coral/sdk";

const threshold: number = coral.params.threshold ?? 500; // milliseconds
const window: string = coral.params.window ?? "5m";

let slow = 0;
for (const svc of await coral.services.list({ window })) {
  try {
    const p99 = await svc.metrics.getP99Ms("http.server.duration", window);
    const verdict = p99 > threshold ? "SLOW" : "ok";
    if (p99 > threshold) slow++;
    console.log(`${verdict.padEnd(4)} ${svc.name}: P99 ${p99.toFixed(1)}ms, limit ${threshold}ms`);
  } catch (error) {
    if (!(error instanceof coral.NoDataError)) throw error;
    console.log(`idle ${svc.name}`);
  }
}
if (slow > 0) Deno.exit(1);
