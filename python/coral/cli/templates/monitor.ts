/** Runs on and says when a service becomes slow, and when it is fine again (coral run --daemon). */
import * as coral from "@coral/sdk";

const params = coral.defineParams({
  p99: { type: "number", default: 500, min: 0, description: "P99 in ms that is too slow" },
  every: { type: "duration", default: "10s", description: "Time between two looks" },
});

const slow = new Set<string>();
while (true) {
  for (const service of await coral.services.list({ window: "5m" })) {
    let p99: number;
    try {
      p99 = await service.metrics.getP99Ms("http.server.duration", "1m");
    } catch (error) {
      if (error instanceof coral.NoDataError) continue;
      throw error;
    }
    if (p99 > params.p99 !== slow.has(service.name)) {
      const verdict = slow.delete(service.name) ? "fine again" : (slow.add(service.name), "slow");
      console.log(
        `${new Date().toISOString()} ${service.name} is ${verdict}: P99 ${p99.toFixed(1)} ms`,
      );
    }
  }
  await new Promise((resolve) => setTimeout(resolve, params.every));
}
