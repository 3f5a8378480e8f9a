import { refusal } from "../known_options.ts";
import * as coral from "../mod.ts";

/** How it stands: `"no-data"` when there was nothing to judge. */
export type SkillStatus = "ok" | "warning" | "critical" | "no-data";

/** What every skill answers. */
export interface SkillResult<Data> {
  /** What was found, one sentence. */
  summary: string;
  /** How it stands. */
  status: SkillStatus;
  /** The figures that it follows from. */
  data: Data;
  /** What to do, the most useful first; empty when there is nothing to do. */
  recommendations: string[];
  /** The same as charts: `coral.plot.show` draws each. */
  plots: coral.Chart[];
  /** How complete the answers were that it asked for, all in one. */
  completeness: coral.Completeness;
}

/** @internal Holds that options have no key that the skill does not read. */
export function checkOptions<T>(options: T, skill: string, keys: readonly (keyof T)[]): void {
  const refused = refusal(options, `skills.${skill}`, keys as readonly string[]);
  if (!refused) return;
  const { message, hint } = refused;
  throw new coral.CoralError(message, { reason: "INVALID_ARGUMENT", code: "INVALID_ARGUMENT", hint });
}

/** @internal What a skill has asked, to say in the end how complete it was. */
export class Answers {
  readonly #parts: coral.Completeness[] = [];

  /** Hands an answer on and remembers how complete it is. */
  async of<T extends { readonly completeness: coral.Completeness }>(answer: Promise<T>): Promise<T> {
    const got = await answer;
    this.#parts.push(got.completeness);
    return got;
  }

  /**
   * All in one: what one of them says of itself holds for the whole, of limits and windows that were added the smallest,
   * of lost events the most, as the answers may speak of the same ones.
   */
  completeness(): coral.Completeness {
    const parts = this.#parts;
    const least = (values: readonly (number | null)[]): number | null => {
      const known = values.filter((value) => value !== null);
      return known.length > 0 ? Math.min(...known) : null;
    };
    return {
      rowsCut: parts.some(({ rowsCut }) => rowsCut),
      limitAdded: least(parts.map(({ limitAdded }) => limitAdded)),
      windowAddedMs: least(parts.map(({ windowAddedMs }) => windowAddedMs)),
      sampled: parts.some(({ sampled }) => sampled),
      missingAgents: [...new Set(parts.flatMap(({ missingAgents }) => missingAgents))].sort(),
      eventsLost: Math.max(0, ...parts.map(({ eventsLost }) => eventsLost)),
      notes: [...new Set(parts.flatMap(({ notes }) => notes))].sort(),
    };
  }
}

/** @internal The worst of some states. */
export function worst(states: readonly SkillStatus[]): SkillStatus {
  for (const state of ["critical", "warning", "ok"] as const) if (states.includes(state)) return state;
  return "no-data";
}

/** @internal How a value stands against two limits. */
export function judge(value: number, warning: number, critical: number): SkillStatus {
  return value >= critical ? "critical" : value >= warning ? "warning" : "ok";
}

/** @internal The answer, or undefined where there are no data. */
export async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof coral.NoDataError) return undefined;
    throw error;
  }
}

/** @internal A condition on a column of time: not before the window. */
export function within(column: string, window: coral.DurationInput): string {
  return `${column} > now() - INTERVAL '${Math.ceil(coral.durationMs(window))} milliseconds'`;
}

/** @internal How much two lists rise and fall together (Pearson), from -1 to 1; null where one does not change. */
export function correlation(a: readonly number[], b: readonly number[]): number | null {
  const count = a.length;
  if (count < 3) return null;
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / count;
  const [meanA, meanB] = [mean(a), mean(b)];
  let both = 0, squareA = 0, squareB = 0;
  for (let at = 0; at < count; at++) {
    const [x, y] = [a[at] - meanA, b[at] - meanB];
    both += x * y;
    squareA += x * x;
    squareB += y * y;
  }
  return squareA === 0 || squareB === 0 ? null : both / Math.sqrt(squareA * squareB);
}

/** @internal A list of names as people write it. */
export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
}

/** @internal A number with its noun. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** @internal So many digits after the point at most. */
export function rounded(value: number, digits = 3): number {
  return Number(value.toFixed(digits));
}
