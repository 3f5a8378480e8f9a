// What got slower or fails more often than in the window before.
import * as coral from "@coral/sdk";
import * as skills from "@coral/sdk/skills";

export const params = coral.defineParams({
  window: { type: "duration", default: "30m", description: "length of both windows" },
});
const result = await skills.regression({ window: params.window });

console.log(`${result.status}: ${result.summary}`);
for (const text of result.recommendations) console.log(`- ${text}`);
for (const plot of result.plots) coral.plot.show(plot);
coral.assert(result.status !== "critical", result.summary);
