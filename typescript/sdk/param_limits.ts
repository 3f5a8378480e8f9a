import type { DurationInput } from "./duration.ts";
import { parseDuration } from "./duration.ts";
import type { ParamSpec } from "./declared_params.ts";
import { milliseconds } from "./wire_time.ts";

const KEYS = ["type", "description", "default", "optional", "choices"];
const LIMITS = ["min", "max"];
const ORDERED = ["number", "integer", "duration"];
const TYPES = ["number", "integer", "string", "boolean", "duration", "json"];

/** A declaration with all keys that there are. */
interface AnySpec {
  type: string;
  choices?: readonly unknown[];
  min?: unknown;
  max?: unknown;
}

/** @internal Takes a value for a declaration; undefined if it does not fit.
 *
 * @param spec The declaration, without flaws.
 * @param value The value.
 * @param text What was typed, where it was: `-p id=007` is a string, though it looks like a number.
 */
export function read(spec: ParamSpec, value: unknown, text?: string): unknown {
  const { type, choices, min, max } = spec as AnySpec;
  const found = typed(type, value, text);
  const fits = found !== undefined &&
    (min === undefined || (found as number) >= (typed(type, min) as number)) &&
    (max === undefined || (found as number) <= (typed(type, max) as number)) &&
    (choices?.some((choice) => canonical(typed(type, choice)) === canonical(found)) ?? true);
  return fits ? found : undefined;
}

/** @internal What a parameter takes, in words. */
export function expected(spec: ParamSpec): string {
  const { type, choices, min, max } = spec as AnySpec;
  if (choices) return `one of ${choices.map(type === "json" ? (each) => JSON.stringify(each) : plain).join(", ")}`;
  const words = [type === "integer" ? "whole number" : type];
  if (min !== undefined) words.push(`from ${plain(min)}`);
  if (max !== undefined) words.push(`to ${plain(max)}`);
  if (type === "duration" && words.length === 1) words.push('such as "5m"');
  if (type === "json") words.push('such as [1] or "text", with the quotes');
  return words.join(" ");
}

/** @internal What is wrong with declarations, and what to write; undefined if nothing is. */
export function flaws(specs: unknown): [message: string, hint: string] | undefined {
  const hint = `every type takes ${KEYS.join(", ")}; ${ORDERED.join(", ")} take ${LIMITS.join(" and ")} too`;
  const found = isObject(specs)
    ? Object.entries(specs as object).flatMap(([name, spec]) => flawsOf(name, spec))
    : [`the parameters are ${JSON.stringify(specs)}, expected an object`];
  return found.length > 0 ? [`coral.defineParams: ${found.join("; ")}`, hint] : undefined;
}

function flawsOf(name: string, spec: unknown): string[] {
  const given = Object(spec) as Record<string, unknown>;
  const type = given.type as string;
  const isWrong = (what: string, value: unknown, words: string) =>
    `the ${what} of ${name} is ${JSON.stringify(value)}, expected ${words}`;
  if (!TYPES.includes(type)) return [isWrong("type", type, `one of ${TYPES.join(", ")}`)];
  const allowed = ORDERED.includes(type) ? [...KEYS, ...LIMITS] : KEYS;
  const unknown = Object.keys(given).filter((key) => !allowed.includes(key));
  if (unknown.length > 0) {
    return unknown.map((key) => `the parameter ${name} has the key ${key}, which ${type} does not take`);
  }
  const found: string[] = [];
  const { choices } = given;
  const limits = LIMITS.filter((key) => given[key] !== undefined && typed(type, given[key]) === undefined);
  found.push(...limits.map((key) => isWrong(key, given[key], expected({ type } as ParamSpec))));
  if (choices !== undefined && !(Array.isArray(choices) && choices.length > 0)) {
    found.push(isWrong("choices", choices, "an array of values"));
  }
  for (const [key, kind] of [["description", "string"], ["optional", "boolean"]]) {
    if (given[key] !== undefined && typeof given[key] !== kind) found.push(isWrong(key, given[key], kind));
  }
  if (found.length > 0) return found;
  const range = { type, min: given.min, max: given.max } as ParamSpec;
  if (given.min !== undefined && given.max !== undefined && read(range, given.min) === undefined) {
    return [isWrong("min", given.min, `at most max, which is ${plain(given.max)}`)];
  }
  const outside = ((choices ?? []) as unknown[]).filter((choice) => read(range, choice) === undefined);
  if (outside.length > 0) return outside.map((choice) => isWrong("choice", choice, expected(range)));
  const whole = spec as ParamSpec;
  if (given.default === undefined || read(whole, given.default) !== undefined) return [];
  return [isWrong("default", given.default, expected(whole))];
}

/** A value as its type has it, whatever the limits; undefined if it is of another type. */
function typed(type: string, value: unknown, text?: string): unknown {
  switch (type) {
    case "number":
      return typeof value === "number" && !Number.isNaN(value) ? value : undefined;
    case "integer":
      return Number.isSafeInteger(value) ? value : undefined;
    case "duration":
      try {
        return milliseconds(parseDuration(value as DurationInput, type));
      } catch {
        return undefined; // who asks says what was expected
      }
    case "json":
      try {
        if (text !== undefined) JSON.parse(text);
        return value;
      } catch {
        return undefined;
      }
  }
  const shown = type === "string" ? text ?? value : value;
  const kind: string = typeof shown;
  return kind === type ? shown : undefined;
}

/** One text for equal values, in whatever order their keys stand. */
function canonical(value: unknown): string | undefined {
  return JSON.stringify(
    value,
    (_, part) => isObject(part) ? Object.fromEntries(Object.entries(part as object).sort()) : part,
  );
}

function isObject(value: unknown): boolean {
  return Object(value) === value && !Array.isArray(value);
}

function plain(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
