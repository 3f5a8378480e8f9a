import { CoralError, invalidArgument } from "./errors.ts";
import type { DurationInput } from "./duration.ts";
import { expected, flaws, read } from "./param_limits.ts";
import { given, texts } from "./params.ts";
import { type Hooks, RUN } from "./run_hooks.ts";

/** What every kind of parameter may say. */
export interface ParamBasics<T> {
  /** What it is for, one sentence; `coral run FILE --help-script` shows it. */
  description?: string;
  /** The value where none is given. A parameter without one is required, unless it is `optional`. */
  default?: T;
  /** Whether the parameter may be left out though it has no default; it is then undefined. */
  optional?: boolean;
  /** The values that are allowed. */
  choices?: readonly T[];
}

/** What a parameter whose values have an order may say besides. */
export interface OrderedParam<T> extends ParamBasics<T> {
  /** The smallest value that is allowed. */
  min?: T;
  /** The largest value that is allowed. */
  max?: T;
}

/** A number. */
export interface NumberParam extends OrderedParam<number> {
  /** `"integer"` takes whole numbers only. */
  type: "number" | "integer";
}

/** A text. */
export interface StringParam extends ParamBasics<string> {
  /** The kind. */
  type: "string";
}

/** `true` or `false`. */
export interface BooleanParam extends ParamBasics<boolean> {
  /** The kind. */
  type: "boolean";
}

/** A length of time, given as `"500ms"`, `"5m"`, or a number of milliseconds. The script gets milliseconds. */
export interface DurationParam extends OrderedParam<DurationInput> {
  /** The kind. */
  type: "duration";
}

/** Any JSON value. On the command line it is JSON too: a text stands in quotes, `-p name='"text"'`. */
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
  | (P extends { type: Exclude<ParamSpec["type"], "duration" | "json">; choices: readonly (infer C)[] } ? C
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

/** The keys that a declaration takes. */
export type ParamKeys<P extends ParamSpec> = P["type"] extends OrderedSpec["type"] ? keyof OrderedSpec
  : keyof StringParam;

/** A declaration whose values have an order. */
export type OrderedSpec = NumberParam | DurationParam;

/** Makes a type error of each key that a declaration does not take. */
export type KnownKeys<S extends Record<string, ParamSpec>> = {
  [K in keyof S]: { [Key in Exclude<keyof S[K], ParamKeys<S[K]>>]: never };
};

let declared: object | undefined;

/**
 * Declares the script's parameters, checks what was given, and returns the values with their types.
 *
 * Call it once, before anything else. What is missing, unknown, of another type or beyond its limits ends
 * the run with exit code 2 and a list of what is wrong. `coral run FILE --help-script` and the shell's
 * completion know what is declared here.
 *
 * Every type takes `description`, `default`, `optional` and `choices`; `number`, `integer` and `duration`
 * take `min` and `max` too. A declaration that says something else, or whose default or choices are beyond
 * its own limits, is the script's error, and so is a second call: declare all parameters in one.
 *
 * @param specs Each parameter by name.
 * @returns The values; a duration is a number of milliseconds.
 * @throws {CoralError} `INVALID_PARAMS` for what was given, `INVALID_ARGUMENT` for a wrong declaration.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * export const params = coral.defineParams({
 *   threshold: { type: "number", default: 500, min: 0, description: "P99 in ms that is too slow" },
 *   window: { type: "duration", default: "5m", max: "1h" },
 *   level: { type: "string", choices: ["warn", "error"], default: "error" },
 * });
 * console.log(params.threshold + params.window, params.level);
 * ```
 */
export function defineParams<const S extends Record<string, ParamSpec>>(
  specs: S & KnownKeys<S>,
): ParamValues<S> {
  if (declared === texts) {
    throw invalidArgument("coral.defineParams is called twice", "declare all parameters in one call");
  }
  const wrong = flaws(specs);
  if (wrong) throw invalidArgument(...wrong);
  declared = texts; // of this run
  (globalThis as Hooks)[RUN]?.describe?.(specs);
  const problems = Object.keys(given).filter((name) => !Object.hasOwn(specs, name))
    .map((name) => `there is no parameter ${name}`);
  const values: Record<string, unknown> = {};
  const all = Object.entries<ParamSpec>(specs);
  for (const [name, spec] of all) {
    const isGiven = Object.hasOwn(given, name);
    if (!isGiven && spec.default === undefined) {
      values[name] = undefined;
      if (!spec.optional) problems.push(`${name} is missing, expected ${expected(spec)}`);
      continue;
    }
    values[name] = isGiven ? read(spec, given[name], texts[name]) : read(spec, spec.default);
    if (values[name] === undefined) {
      problems.push(`${name} is ${texts[name] ?? JSON.stringify(given[name])}, expected ${expected(spec)}`);
    }
  }
  if (problems.length > 0) {
    const names = all.map(([name, spec]) =>
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
