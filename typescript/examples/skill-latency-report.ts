// Latency and errors of every service, the slowest first.
import * as coral from "@coral/sdk";
import * as skills from "@coral/sdk/skills";

export const params = coral.defineParams({
  window: { type: "duration", default: "15m", description: "how far to look back" },
  warning: { type: "duration", default: "500ms", description: "P99 from which a service is slow" },
  critical: { type: "duration", default: "1s", description: "P99 from which that is critical" },
});
const result = await skills.latencyReport({
  window: params.window,
  warningMs: params.warning,
  criticalMs: params.critical,
});

console.log(`${result.status}: ${result.summary}`);
for (const text of result.recommendations) console.log(`- ${text}`);
for (const plot of result.plots) coral.plot.show(plot);
coral.assert(result.status !== "critical", result.summary);
