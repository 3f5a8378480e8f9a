// Alerts for every service that became slower while its hosts use more memory than before.
import * as coral from "@coral/sdk";

const { slower, memoryPct } = coral.defineParams({
  slower: { type: "number", default: 1.5, description: "P99 of the last 5 minutes to that of the last hour" },
  memoryPct: { type: "number", default: 80, description: "memory in use that is much, percent" },
});

for (const svc of await coral.services.list({ window: "1h" })) {
  try {
    const now = await svc.metrics.getP99Ms();
    const usual = await svc.metrics.getP99Ms("http.server.duration", "1h");
    const memory = await coral.system.getMemory({ service: svc.name });
    const verdict = now >= usual * slower && memory.usagePct > memoryPct ? "ANOMALY" : "ok";
    console.log(
      `[${verdict}] ${svc.name}: P99 ${now.toFixed(1)}ms, usually ${usual.toFixed(1)}ms, memory ${
        memory.usagePct.toFixed(0)
      }%`,
    );
    if (verdict === "ok") continue;
    await coral.emit("alert", {
      severity: "warning",
      message: `${svc.name} is slower than usual while memory is short`,
      service: svc.name,
      p99_ms: now,
      usual_p99_ms: usual,
      memory_usage_pct: memory.usagePct,
    });
  } catch (error) {
    if (!(error instanceof coral.NoDataError)) throw error;
    console.log(`[idle] ${svc.name}: no ${error.metric} for ${error.window}`);
  }
}
