import { type DurationInput, parseDuration } from "./duration.ts";
import { CoralError, invalidArgument } from "./errors.ts";
import type { CallOptions as HowToCall } from "./transport/transport.ts";
import { milliseconds } from "./wire_time.ts";

/** Options of everything that asks the colony. */
export interface CallOptions {
  /** Ends the call when it is aborted: it throws a `CoralError` with the reason `CANCELLED`. */
  signal?: AbortSignal;
  /** Time until a call is given up, counted from when it is sent. Default: `"30s"`. */
  timeout?: DurationInput;
}

/** A window of time, and options of the call. */
export interface WindowOptions extends CallOptions {
  /** How far to look back. Default: `"5m"`. */
  window?: DurationInput;
}

/**
 * @internal Holds that options have no key that nobody reads, and gives what a call needs of them.
 *
 * @param options What the caller gave.
 * @param what The function, for the error.
 * @param keys What it reads beside `signal` and `timeout`.
 */
export function callOptions<T extends CallOptions>(
  options: T,
  what: string,
  keys: readonly Exclude<keyof T, keyof CallOptions>[] = [],
): Partial<HowToCall> {
  if (Object(options) !== options || Array.isArray(options)) {
    throw invalidArgument(
      `the options of ${what} are ${JSON.stringify(options)}, expected an object`,
      `${what} reads ${[...keys, "signal", "timeout"].join(", ")}`,
    );
  }
  const known = [...keys, "signal", "timeout"] as string[];
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const near = known.map((name) => ({ name, far: distance(key.toLowerCase(), name.toLowerCase()) }))
      .sort((a, b) => a.far - b.far)[0];
    throw invalidArgument(
      `${what} has no option ${JSON.stringify(key)}`,
      near.far <= 3 && near.far < key.length ? `did you mean ${near.name}?` : `it reads ${known.join(", ")}`,
    );
  }
  const { signal, timeout } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalidArgument(`signal of ${what} is no AbortSignal`, "new AbortController() has one");
  }
  return {
    ...(signal && { signal }),
    ...(timeout !== undefined && { timeoutMs: Math.ceil(milliseconds(parseDuration(timeout, "timeout"))) }),
  };
}

/** @internal Reads the last argument of a metric: how far to look back, alone or among options. */
export function windowOptions(
  given: DurationInput | WindowOptions = {},
  what: string,
): { window: DurationInput; how: Partial<HowToCall> } {
  const options = typeof given === "object" && given !== null ? given : { window: given };
  return { window: options.window ?? "5m", how: callOptions(options, what, ["window"]) };
}

/** @internal The error of a call whose signal was aborted. */
export function cancelled(signal: AbortSignal): CoralError {
  return new CoralError("the call was cancelled by its signal", {
    reason: "CANCELLED",
    code: "CANCELLED",
    cause: signal.reason,
  });
}

/** How many letters have to change to make one word of the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}
