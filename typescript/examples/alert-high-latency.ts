// Alerts when a service's P99 is over 500 ms; looks every 60 seconds. Run it with --timeout 0.
import * as coral from "@coral/sdk";

const { service, threshold } = coral.defineParams({
  service: { type: "string", default: "payments", description: "whom to watch" },
  threshold: { type: "duration", default: "500ms", description: "P99 that is too high" },
});

async function checkLatency(): Promise<void> {
  const p99 = await coral.metrics.getPercentile(service, "http.server.duration", 0.99);
  const errorRate = await coral.metrics.getErrorRate(service, "5m");

  if (p99 > threshold * 1_000_000) { // nanoseconds; a duration parameter is in milliseconds
    await coral.emit("alert", {
      severity: "warning",
      message: `P99 latency (${p99 / 1_000_000}ms) exceeded threshold`,
      service,
      p99_ms: p99 / 1_000_000,
      error_rate: errorRate,
    });

    console.log(`[ALERT] High latency: ${p99 / 1_000_000}ms`);
  } else {
    console.log(`[OK] P99 latency: ${p99 / 1_000_000}ms`);
  }
}

// Run every 60 seconds
while (true) {
  try {
    await checkLatency();
  } catch (error) {
    if (!(error instanceof coral.NoDataError)) throw error;
    console.log(`[IDLE] ${service} answered nothing for ${error.window}`);
  }
  await new Promise((resolve) => setTimeout(resolve, 60_000));
}
