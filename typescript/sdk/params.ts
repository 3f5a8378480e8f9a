/** Which side the script runs on: the user's machine or an agent. */
export type Mode = "cli" | "agent";

/**
 * What `--param name=value` gave, by name. Values have the type that they look like: numbers,
 * booleans, JSON arrays and objects, else strings.
 */
// deno-lint-ignore no-explicit-any -- a script knows its own parameters; unknown would need a cast at each use
export type Params = Readonly<Record<string, any>>;

const filled: Record<string, unknown> = {};

/** @internal What was given, by name. */
export const given: Readonly<Record<string, unknown>> = filled;

/** @internal The text of what was typed as `-p name=text`, by name; a file's values have none. Another object for each run. */
export let texts: Readonly<Record<string, string>> = {};

/**
 * The parameters of this run; empty when there are none. `defineParams` gives them types and checks them.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const threshold: number = coral.params.threshold ?? 500; // coral run x.ts --param threshold=250
 * console.log(threshold);
 * ```
 */
export const params: Params = filled;

/** Which side the script runs on; undefined when it was not started by Coral. */
export let mode: Mode | undefined;

/** @internal Sets what is known of this run. */
export function setRun(side: Mode, values: Record<string, unknown>, typed: Record<string, string> = {}): void {
  mode = side;
  texts = typed;
  for (const name of Object.keys(filled)) delete filled[name];
  Object.assign(filled, values);
}
