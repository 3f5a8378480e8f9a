import type { Completeness as Wire } from "./gen/coral/colony/v1/query_pb.ts";
import { milliseconds } from "./wire_time.ts";

/** How complete a result is. */
export interface Completeness {
  /** True when there was more and a limit cut it. */
  rowsCut: boolean;
  /** The row limit that the server applied; null when it applied none. */
  limitAdded: number | null;
  /** The time window that the server added to a statement, milliseconds; null when it added none. */
  windowAddedMs: number | null;
  /** True when the rows are a sample and carry a `sample_weight`. */
  sampled: boolean;
  /** Ids of the agents that should have contributed and did not lately. */
  missingAgents: string[];
  /** How many events are known to have been lost on the way. */
  eventsLost: number;
  /** What else is missing and why, a sentence each. */
  notes: string[];
}

/** An array that knows how complete it is. `completeness` is not enumerable. */
export type Listing<T> = T[] & {
  /** How complete the array is. */
  readonly completeness: Completeness;
};

/** @internal Reads the wire's form; an absent one means that nothing is missing. */
export function completenessOf(wire: Wire | undefined): Completeness {
  return {
    rowsCut: wire?.rowsCut ?? false,
    limitAdded: wire?.limitAdded === undefined ? null : Number(wire.limitAdded),
    windowAddedMs: wire?.windowAdded === undefined ? null : milliseconds(wire.windowAdded),
    sampled: wire?.sampled ?? false,
    missingAgents: wire?.missingAgents ?? [],
    eventsLost: Number(wire?.eventsLost ?? 0n),
    notes: wire?.notes ?? [],
  };
}

/** @internal Marks an array as a listing. It stays an array: printing or serialising it shows the items only. */
export function listing<T>(items: T[], completeness: Completeness): Listing<T> {
  return Object.defineProperty(items, "completeness", { value: completeness }) as Listing<T>;
}
