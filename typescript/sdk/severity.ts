import { invalidArgument } from "./errors.ts";

/** How grave an event is: for the record, someone should look, someone must look now. */
export type Severity = "info" | "warning" | "critical";

/** @internal By their number on the wire, from 1 on. */
export const SEVERITIES: readonly Severity[] = ["info", "warning", "critical"];

/** @internal The number of a severity on the wire. */
export function severityOf(severity: Severity, name: string): number {
  const number = SEVERITIES.indexOf(severity) + 1;
  if (number > 0) return number;
  throw invalidArgument(
    `${name} is ${JSON.stringify(severity)}, expected one of ${SEVERITIES.join(", ")}`,
    "the third argument of emit, { severity }, leaves data.severity to you",
  );
}
