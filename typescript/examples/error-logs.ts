// Which services log errors: how many, what most of them say, and the newest lines.
//   coral run error-logs.ts --param window=15m --param lines=3
import * as coral from "@coral/sdk";

const window: string = coral.params.window ?? "10m";
const lines: number = coral.params.lines ?? 3;

const records = await coral.logs.query({
  minSeverity: "error",
  timeRange: window,
  limit: 5000,
});
const byService = Map.groupBy(records, (record) => record.serviceName);
const worst = [...byService].sort(([, a], [, b]) => b.length - a.length);

for (const [service, errors] of worst) {
  console.log(
    `${service}: ${errors.length} error${errors.length === 1 ? "" : "s"} in the last ${window}`,
  );
  for (const { time, body, traceId } of errors.slice(0, lines)) {
    const trace = traceId === null ? "" : ` (trace ${traceId})`;
    console.log(`  ${time.toISOString()} ${body}${trace}`);
  }
}
if (worst.length === 0) {
  console.log(`No service has logged an error in the last ${window}.`);
}
if (records.completeness.rowsCut) {
  console.log(`There are more than these ${records.length}.`);
}
for (const note of records.completeness.notes) console.warn(`note: ${note}`);
