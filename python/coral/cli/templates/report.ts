/** Prints latency and errors of every service, slowest first (-o csv, -o json for a program). */
import * as coral from "@coral/sdk";

const params = coral.defineParams({
  window: { type: "string", default: "5m", description: "How far to look back" },
});

const rows = [];
for (const service of await coral.services.list()) {
  try {
    rows.push({
      service: service.name,
      p50_ms: await service.metrics.getP50Ms("http.server.duration", params.window),
      p99_ms: await service.metrics.getP99Ms("http.server.duration", params.window),
      error_rate: await service.metrics.getErrorRate(params.window),
    });
  } catch (error) {
    if (!(error instanceof coral.NoDataError)) throw error; // it had no requests
  }
}
rows.sort((a, b) => b.p99_ms - a.p99_ms);
coral.output(rows);
