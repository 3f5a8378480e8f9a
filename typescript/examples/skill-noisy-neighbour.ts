// Which service keeps a host busy, and which others there get slow by it.
import * as coral from "@coral/sdk";
import * as skills from "@coral/sdk/skills";

export const params = coral.defineParams({
  window: { type: "duration", default: "1h", description: "how far to look back" },
  busy: { type: "number", default: 80, min: 0, max: 100, description: "CPU of a busy host, percent" },
});
const result = await skills.noisyNeighbour({ window: params.window, busyPct: params.busy });

console.log(`${result.status}: ${result.summary}`);
for (const text of result.recommendations) console.log(`- ${text}`);
for (const plot of result.plots) coral.plot.show(plot);
coral.assert(result.status !== "critical", result.summary);
