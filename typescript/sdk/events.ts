/**
 * Events that scripts emitted. The colony keeps them for 30 days unless it is told otherwise.
 *
 * @module
 */

import { checkLimit } from "./arguments.ts";
import { type CallOptions, callOptions } from "./call_options.ts";
import { completenessOf, type Listing, listing } from "./completeness.ts";
import { call } from "./connection.ts";
import { type DurationInput, parseDuration } from "./duration.ts";
import type { EmittedEvent as WireEvent } from "./gen/coral/colony/v1/query_pb.ts";
import { SEVERITIES, type Severity, severityOf } from "./severity.ts";
import { dateOf } from "./wire_time.ts";

const PAGE_SIZE = 1000;

/** Which events to list. All filters that are given must hold. */
export interface EventQuery extends CallOptions {
  /** Only events of this name. Default: all. */
  name?: string;
  /** Only events of at least this severity. Default: all. */
  minSeverity?: Severity;
  /** How far to look back, by when the colony got them. Default: `"1d"`. */
  timeRange?: DurationInput;
  /** Events at most. Default: 100. */
  limit?: number;
}

/** An event that a script emitted. */
export interface ScriptEvent {
  /** Its UUID. */
  id: string;
  /** Its type, for example `"alert"`. */
  name: string;
  /** How grave it is. */
  severity: Severity;
  /** What the script said. */
  data: Record<string, unknown>;
  /** When it happened, by the script's clock. */
  time: Date;
  /** When the colony got it, by the colony's clock. */
  receivedAt: Date;
  /** UUID of the run that emitted it. */
  executionId: string;
  /** Name of the script's file. */
  scriptName: string;
  /** The id of the agent that ran it; null for `coral run`. */
  agent: string | null;
}

/**
 * Lists events, newest first.
 *
 * @param filter Which events; none lists those of the last day.
 * @returns The events; `completeness.rowsCut` tells that there were more than the limit.
 * @throws {CoralError} `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`; `UNIMPLEMENTED` on an agent, which
 *   hands its events to the colony.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * for (const event of await coral.events.query({ name: "alert", minSeverity: "warning", timeRange: "1h" })) {
 *   console.log(event.time.toISOString(), event.scriptName, event.data.message);
 * }
 * ```
 */
export async function query(filter: EventQuery = {}): Promise<Listing<ScriptEvent>> {
  const how = callOptions(filter, "events.query", ["name", "minSeverity", "timeRange", "limit"]);
  const { name, minSeverity, timeRange = "1d", limit = 100 } = filter;
  checkLimit(limit);
  const request = {
    name,
    minSeverity: minSeverity === undefined ? undefined : severityOf(minSeverity, "minSeverity"),
    window: parseDuration(timeRange, "timeRange"),
  };
  const events: ScriptEvent[] = [];
  let pageToken = "";
  do {
    const page = await call("queryEvents", {
      ...request,
      pageSize: Math.min(PAGE_SIZE, limit - events.length),
      pageToken,
    }, how);
    for (const event of page.events) events.push(eventOf(event));
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && events.length < limit);
  return listing(events, { ...completenessOf(undefined), rowsCut: pageToken !== "" });
}

function eventOf(wire: WireEvent): ScriptEvent {
  return {
    id: wire.eventId,
    name: wire.name,
    severity: SEVERITIES[wire.severity - 1],
    data: JSON.parse(wire.data),
    time: dateOf(wire.time),
    receivedAt: dateOf(wire.receivedAt),
    executionId: wire.executionId,
    scriptName: wire.scriptName,
    agent: wire.agentId || null,
  };
}
