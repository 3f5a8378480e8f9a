// How fast services use up the errors that their objective allows.
import * as coral from "@coral/sdk";
import * as skills from "@coral/sdk/skills";

export const params = coral.defineParams({
  objective: { type: "number", default: 0.999, description: "share of requests that must succeed, such as 0.999" },
});
const result = await skills.sloBurn({ objective: params.objective });

console.log(`${result.status}: ${result.summary}`);
for (const text of result.recommendations) console.log(`- ${text}`);
for (const plot of result.plots) coral.plot.show(plot);
coral.assert(result.status !== "critical", result.summary);
