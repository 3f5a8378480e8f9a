import { invalidArgument } from "./errors.ts";

/**
 * A length of time: text such as `"500ms"`, `"5m"` or `"1h30m"`, or a number of **milliseconds**.
 *
 * Units are `ns`, `us`, `ms`, `s`, `m`, `h` and `d`; parts may be fractions (`"1.5s"`).
 */
export type DurationInput = string | number;

/** @internal A length of time as the wire takes it (google.protobuf.Duration). */
export interface WireDuration {
  /** Whole seconds. */
  seconds: bigint;
  /** The rest, nanoseconds. */
  nanos: number;
}

const NANOSECONDS: Record<string, number> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
  d: 86400e9,
};
const PART = /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/y;
const LONGEST_DAYS = 3650;
const HINT = 'write it as "500ms", "5m" or "1h30m"; a number means milliseconds';

/**
 * @internal Reads a length of time.
 *
 * @param input What the caller gave.
 * @param name The argument's name, for the error.
 * @param least `"zero"` if nothing is a length too, else `"positive"`.
 * @throws {CoralError} `INVALID_ARGUMENT` if it is none, negative or over ten years.
 */
export function parseDuration(
  input: DurationInput,
  name: string,
  least: "zero" | "positive" = "positive",
): WireDuration {
  const nanoseconds = typeof input === "number" ? input * 1e6 : nanosecondsOf(input);
  const longest = LONGEST_DAYS * NANOSECONDS.d;
  if (!(nanoseconds >= 0 && nanoseconds <= longest)) {
    throw invalidArgument(`${name} is ${show(input)}, expected a length of time up to ten years`, HINT);
  }
  if (nanoseconds === 0 && least === "positive") {
    throw invalidArgument(`${name} is ${show(input)}, expected more than zero`, HINT);
  }
  const seconds = Math.floor(nanoseconds / 1e9);
  return { seconds: BigInt(seconds), nanos: Math.floor(nanoseconds - seconds * 1e9) };
}

/**
 * A length of time as a number of milliseconds.
 *
 * @param input Such as `"5m"`; a number means milliseconds already.
 * @throws {CoralError} `INVALID_ARGUMENT`
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * console.log(coral.durationMs("1h30m") / 60_000, "minutes");
 * ```
 */
export function durationMs(input: DurationInput): number {
  const { seconds, nanos } = parseDuration(input, "duration", "zero");
  return Number(seconds) * 1e3 + nanos / 1e6;
}

/** @internal Writes what the caller gave so that a person can read it: `300000` is `"5m"`. */
export function describeDuration(input: DurationInput): string {
  if (typeof input === "string") return input;
  for (const unit of ["d", "h", "m", "s"]) {
    const count = input * 1e6 / NANOSECONDS[unit];
    if (count >= 1 && Number.isInteger(count)) return `${count}${unit}`;
  }
  return `${input}ms`;
}

function nanosecondsOf(text: unknown): number {
  if (typeof text !== "string" || text === "") return NaN;
  let sum = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const part = PART.exec(text);
    if (part === null) return NaN;
    sum += Number(part[1]) * NANOSECONDS[part[2]];
  }
  return sum;
}

function show(input: unknown): string {
  return typeof input === "string" ? JSON.stringify(input) : String(input);
}
