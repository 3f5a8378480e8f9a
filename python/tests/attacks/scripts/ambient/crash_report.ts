//= wants: to write a file outside, by the reports and traces that Node and V8 write themselves
import process from "node:process";
import v8 from "node:v8";
const report = (process as unknown as { report?: { writeReport?: (name: string) => string; directory?: string } }).report;
try {
  if (report) report.directory = "@tmp@";
  report?.writeReport?.("@tmp@/report.json");
} catch {
  // not every runtime has it
}
for (const flag of ["--prof", "--logfile=@tmp@/v8.log", "--log-all", "--perf-basic-prof", "--trace-events-enabled"]) {
  try {
    v8.setFlagsFromString(flag);
  } catch {
    // the next one
  }
}
try {
  Deno.writeTextFileSync("@tmp@/after.txt", "x"); // bare, this proves what it is after
} catch {
  // the harness looks for files
}
