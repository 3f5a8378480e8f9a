// Why the slowest traces of a service are slow: the operations on their critical paths.
import * as coral from "@coral/sdk";
import * as skills from "@coral/sdk/skills";

export const params = coral.defineParams({
  service: { type: "string", description: "whose traces" },
  threshold: { type: "duration", default: "500ms", description: "from which duration a trace is slow" },
  window: { type: "duration", default: "1h", description: "how far to look back" },
  limit: { type: "integer", default: 5, min: 1, max: 100, description: "how many of the slowest are explained" },
});
const result = await skills.slowTraces(params);

console.log(`${result.status}: ${result.summary}`);
for (const text of result.recommendations) console.log(`- ${text}`);
for (const plot of result.plots) coral.plot.show(plot);
coral.assert(result.status !== "critical", result.summary);
