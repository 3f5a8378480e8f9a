import { CoralError, invalidArgument } from "./errors.ts";
import { type DurationInput, parseDuration } from "./duration.ts";
import { given, texts } from "./params.ts";
import { type Hooks, RUN } from "./run_hooks.ts";
import { milliseconds } from "./wire_time.ts";

/** What every kind of parameter may say. */
export interface ParamBasics<T> {
  /** What it is for, one sentence; `coral run FILE --help-script` shows it. */
  description?: string;
  /** The value where none is given. A parameter without one is required, unless it is `optional`. */
  default?: T;
  /** Whether the parameter may be left out though it has no default; it is then undefined. */
  optional?: boolean;
}

/** A number. */
export interface NumberParam extends ParamBasics<number> {
  /** `"integer"` takes whole numbers only. */
  type: "number" | "integer";
  /** The smallest value that is allowed. */
  min?: number;
  /** The largest value that is allowed. */
  max?: number;
}

/** A text. */
export interface StringParam extends ParamBasics<string> {
  /** The kind. */
  type: "string";
  /** The values that are allowed. */
  choices?: readonly string[];
}

/** `true` or `false`. */
export interface BooleanParam extends ParamBasics<boolean> {
  /** The kind. */
  type: "boolean";
}

/** A length of time, given as `"500ms"`, `"5m"`, or a number of milliseconds. The script gets milliseconds. */
export interface DurationParam extends ParamBasics<DurationInput> {
  /** The kind. */
  type: "duration";
}

/** Any JSON value. */
export interface JsonParam extends ParamBasics<unknown> {
  /** The kind. */
  type: "json";
}

/** The declaration of one parameter. */
export type ParamSpec =
  | NumberParam
  | StringParam
  | BooleanParam
  | DurationParam
  | JsonParam;

/** The type of a parameter's value, by its declaration. */
export type ParamValue<P extends ParamSpec> =
  | (P extends { type: "string"; choices: readonly (infer C)[] } ? C
    : P extends { type: "string" } ? string
    : P extends { type: "boolean" } ? boolean
    : P extends { type: "json" } ? unknown
    : number)
  | (P extends { optional: true } ? (P extends { default: unknown } ? never : undefined)
    : never);

/** The values of declared parameters, by name. */
export type ParamValues<S extends Record<string, ParamSpec>> = {
  readonly [K in keyof S]: ParamValue<S[K]>;
};

/**
 * Declares the script's parameters, checks what was given, and returns the values with their types.
 *
 * Call it once, before anything else. What is missing, unknown or of another type ends the run with exit
 * code 2 and a list of what is wrong. `coral run FILE --help-script` and the shell's completion know
 * what is declared here.
 *
 * @param specs Each parameter by name.
 * @returns The values; a duration is a number of milliseconds.
 * @throws {CoralError} `INVALID_PARAMS`
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * export const params = coral.defineParams({
 *   threshold: { type: "number", default: 500, description: "P99 in ms that is too slow" },
 *   window: { type: "duration", default: "5m" },
 *   level: { type: "string", choices: ["warn", "error"], default: "error" },
 * });
 * console.log(params.threshold + params.window, params.level);
 * ```
 */
export function defineParams<const S extends Record<string, ParamSpec>>(
  specs: S,
): ParamValues<S> {
  (globalThis as Hooks)[RUN]?.describe?.(specs);
  const problems = Object.keys(given).filter((name) => !Object.hasOwn(specs, name))
    .map((name) => `there is no parameter ${name}`);
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries<ParamSpec>(specs)) {
    const isGiven = Object.hasOwn(given, name);
    if (!isGiven && spec.default === undefined) {
      values[name] = undefined;
      if (!spec.optional) {
        problems.push(`${name} is missing, expected ${expected(spec)}`);
      }
      continue;
    }
    try {
      values[name] = read(
        spec,
        isGiven ? given[name] : spec.default,
        isGiven ? texts[name] : undefined,
      );
    } catch {
      const shown = texts[name] ??
        JSON.stringify(isGiven ? given[name] : spec.default);
      problems.push(
        `${isGiven ? "" : "the default of "}${name} is ${shown}, expected ${expected(spec)}`,
      );
    }
  }
  if (problems.length > 0) {
    const names = Object.entries<ParamSpec>(specs).map(([name, spec]) =>
      `${name} (${spec.type}${spec.default === undefined && !spec.optional ? ", required" : ""})`
    );
    throw new CoralError(problems.join("; "), {
      reason: "INVALID_PARAMS",
      code: "INVALID_ARGUMENT",
      hint: `the parameters are ${names.join(", ") || "none"}; --help-script says more about them`,
    });
  }
  return values as ParamValues<S>;
}

/** Takes a value for a declaration, or throws. A text counts where it was typed: `-p id=007` is no number. */
function read(
  spec: ParamSpec,
  value: unknown,
  text: string | undefined,
): unknown {
  let fits: unknown;
  switch (spec.type) {
    case "number":
    case "integer":
      fits = typeof value === "number" &&
        (spec.type === "number" || Number.isSafeInteger(value)) &&
        value >= (spec.min ?? -Infinity) && value <= (spec.max ?? Infinity);
      break;
    case "string":
      value = text ?? value;
      fits = typeof value === "string" &&
        (spec.choices?.includes(value) ?? true);
      break;
    case "boolean":
      fits = typeof value === "boolean";
      break;
    case "duration":
      return milliseconds(parseDuration(value as DurationInput, "duration"));
    case "json":
      return value;
  }
  if (!fits) throw invalidArgument("", "");
  return value;
}

function expected(spec: ParamSpec): string {
  if (spec.type === "string" && spec.choices) {
    return `one of ${spec.choices.join(", ")}`;
  }
  const { min, max } = spec as NumberParam;
  const range = [
    min === undefined ? [] : `from ${min}`,
    max === undefined ? [] : `to ${max}`,
  ].flat();
  const example = spec.type === "duration" ? ' such as "5m"' : "";
  return [spec.type === "integer" ? "whole number" : spec.type, ...range].join(
    " ",
  ) + example;
}
