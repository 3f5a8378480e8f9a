/** Fails with exit code 99 if a service is too slow or fails too often: for a pipeline. */
import * as coral from "@coral/sdk";

const params = coral.defineParams({
  p99: { type: "number", default: 500, min: 0, description: "P99 in ms that is still fine" },
  errors: {
    type: "number",
    default: 0.05,
    min: 0,
    max: 1,
    description: "Error rate that is still fine",
  },
  window: { type: "string", default: "5m", description: "How far to look back" },
});

for (const service of await coral.services.list({ window: params.window })) {
  try {
    const p99 = await service.metrics.getP99Ms("http.server.duration", params.window);
    coral.threshold(`${service.name} P99 ms`, p99, { max: params.p99 });
    const errorRate = await service.metrics.getErrorRate(params.window);
    coral.threshold(`${service.name} error rate`, errorRate, { max: params.errors });
    console.log(
      `${service.name}: P99 ${p99.toFixed(1)} ms, errors ${(errorRate * 100).toFixed(2)} %`,
    );
  } catch (error) {
    if (!(error instanceof coral.NoDataError)) throw error;
    console.log(`${service.name}: no requests in the last ${params.window}`);
  }
}
