// Whether errors rise when memory does.
import * as coral from "@coral/sdk";
import * as skills from "@coral/sdk/skills";

export const params = coral.defineParams({
  window: { type: "duration", default: "1h", description: "how far to look back" },
});
const result = await skills.memoryAgainstErrors({ window: params.window });

console.log(`${result.status}: ${result.summary}`);
for (const text of result.recommendations) console.log(`- ${text}`);
for (const plot of result.plots) coral.plot.show(plot);
coral.assert(result.status !== "critical", result.summary);
