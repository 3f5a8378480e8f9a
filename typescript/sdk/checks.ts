import { callers, invalidArgument } from "./errors.ts";
import { type Hooks, RUN } from "./run_hooks.ts";

/** The bounds of a threshold; both are allowed values themselves. */
export interface Bounds {
  /** The largest value that is fine. */
  max?: number;
  /** The smallest value that is fine. */
  min?: number;
}

/**
 * Checks that something holds. The script runs on if it does not; at the end the failed checks are listed
 * on stderr and `coral run` ends with exit code 99.
 *
 * @param condition What must be true.
 * @param message What holds if it is, for example `"payments answers"`.
 * @returns Whether it holds.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const services = await coral.services.list();
 * coral.assert(services.length > 0, "there are services");
 * ```
 */
export function assert(condition: unknown, message: string): boolean {
  if (!condition) failed(`assertion failed: ${message}`);
  return Boolean(condition);
}

/**
 * Checks that a value is within bounds, as {@link assert} does it. A value that is no number fails.
 *
 * @param name What the value is, for example `"payments P99 ms"`.
 * @param value The value.
 * @param bounds `max`, `min`, or both.
 * @returns Whether it is within them.
 * @throws {CoralError} `INVALID_ARGUMENT`: there is no bound.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * coral.threshold("payments P99 ms", await coral.metrics.getP99Ms("payments"), { max: 500 });
 * ```
 */
export function threshold(
  name: string,
  value: number,
  bounds: Bounds,
): boolean {
  const { max, min } = bounds ?? {};
  if (typeof (max ?? min) !== "number") {
    throw invalidArgument(
      `the threshold ${name} has no bound`,
      "for example { max: 500 }",
    );
  }
  let fault = "";
  if (typeof value !== "number" || Number.isNaN(value)) fault = "no number";
  else if (value > max!) fault = `above ${max}`;
  else if (value < min!) fault = `below ${min}`;
  if (fault) failed(`threshold ${name} failed: ${value} is ${fault}`);
  return !fault;
}

function failed(text: string): void {
  const place = callers().split("\n").find((line) => line.includes("file:"))
    ?.trim();
  const line = place ? `${text} (${place})` : text;
  const hook = (globalThis as Hooks)[RUN]?.failed;
  if (hook) hook(line);
  else console.error(line);
}
