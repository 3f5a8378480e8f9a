import { type DurationInput, parseDuration } from "./duration.ts";
import { CoralError, invalidArgument } from "./errors.ts";
import { refusal } from "./known_options.ts";
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
  checkOptions(options, what, [...keys, "signal", "timeout"]);
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

/** @internal Holds that options have no key that nobody reads. */
export function checkOptions<T>(options: T, what: string, keys: readonly (keyof T)[]): void {
  const refused = refusal(options, what, keys as readonly string[]);
  if (refused) throw invalidArgument(refused.message, refused.hint);
}
