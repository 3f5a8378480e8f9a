/** Counts error logs by service and text, most frequent first. */
import * as coral from "@coral/sdk";

const params = coral.defineParams({
  severity: { type: "string", choices: ["warn", "error", "fatal"], default: "error" },
  window: { type: "string", default: "10m", description: "How far to look back" },
});

const records = await coral.logs.query({
  minSeverity: params.severity as coral.LogLevel,
  timeRange: params.window,
  limit: 5000,
});
const groups = Map.groupBy(
  records,
  ({ serviceName, body }) => `${serviceName}: ${body.slice(0, 100)}`,
);
const rows = [...groups].map(([text, same]) => ({ count: same.length, text }));
rows.sort((a, b) => b.count - a.count);
coral.output(rows.slice(0, 20));
