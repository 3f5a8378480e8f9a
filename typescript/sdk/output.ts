import { type Hooks, RUN } from "./run_hooks.ts";

/**
 * Hands over a result: `coral run -o json|jsonl|csv|table` prints it in that form on stdout.
 *
 * Without `-o` a list of objects is printed as `console.table` does it, and all else as `console.log` does.
 * With `--html` it is in the page, too. It may be called many times. A script that has one result can `export default` it instead.
 *
 * @param value Rows (a list of objects), or any other value.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * coral.output(await coral.db.query("SELECT service_name, p99_ms FROM service_summary"));
 * ```
 */
export function output(value: unknown): void {
  const { output: printAs, report } = (globalThis as Hooks)[RUN] ?? {};
  const isRows = Array.isArray(value) && value.length > 0 && Object(value[0]) === value[0];
  const print = (): void => isRows ? console.table(value) : console.log(value);
  if (printAs) printAs(value);
  else if (report) report({ kind: "output", value }, print);
  else print();
}
