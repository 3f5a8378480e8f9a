/**
 * Log records of services. Agents keep them for about an hour.
 *
 * @module
 */

import { checkLimit, checkService } from "./arguments.ts";
import { type CallOptions, callOptions } from "./call_options.ts";
import { completenessOf, type Listing, listing } from "./completeness.ts";
import { call } from "./connection.ts";
import { type DurationInput, parseDuration } from "./duration.ts";
import { invalidArgument } from "./errors.ts";
import type { LogRecord as WireRecord, LogSeverity as WireSeverity } from "./gen/coral/colony/v1/query_pb.ts";
import { dateOf, timestampOf } from "./wire_time.ts";

const DEFAULT_LIMIT = 100;
const PAGE_SIZE = 1000;

/** The severity of a record that says one, lowest first: OpenTelemetry's six ranges. */
export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "fatal";

/** Which records to list. All filters that are given must hold. */
export interface LogQuery extends CallOptions {
  /** Only this service. Default: every service. */
  service?: string;
  /** Only records of this severity. */
  severity?: LogLevel;
  /** Only records of at least this severity. */
  minSeverity?: LogLevel;
  /** Only records whose body holds this text, upper and lower case alike. */
  contains?: string;
  /** Only records of this trace, 32 hex digits. */
  traceId?: string;
  /** How far to look back. Default: `"1h"`. */
  timeRange?: DurationInput;
  /** Records at most. Default: 100. */
  limit?: number;
  /** Only records older than this. Default: up to now. */
  before?: Date;
}

/** One log record. */
export interface LogRecord {
  /** When it happened, or was observed where it does not say; cut to milliseconds. */
  time: Date;
  /** The service that wrote it. */
  serviceName: string;
  /** Its severity in upper case; `"UNSPECIFIED"` where it does not say. */
  severity: Uppercase<LogLevel> | "UNSPECIFIED";
  /** Its body: text as it is, anything else as JSON. */
  body: string;
  /** Its attributes. */
  attributes: Record<string, unknown>;
  /** The trace it belongs to, 32 hex digits; null outside of traces. */
  traceId: string | null;
  /** The span it belongs to, 16 hex digits; null outside of spans. */
  spanId: string | null;
  /** The id of the agent that keeps it. */
  agent: string;
}

/**
 * Lists log records, newest first.
 *
 * The colony asks the agents that have the service. Those that did not answer in time are named in
 * `completeness.missingAgents`, with the reason in `completeness.notes`.
 *
 * @param filter Which records; none lists those of the last hour.
 * @returns The records; `completeness.rowsCut` tells that there were more than the limit.
 * @throws {CoralError} `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`; the reason of an
 *   agent when none of them could answer.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const records = await coral.logs.query({ service: "payments", minSeverity: "error", timeRange: "10m" });
 * for (const record of records) console.log(record.time.toISOString(), record.body);
 * ```
 */
export async function query(
  filter: LogQuery = {},
): Promise<Listing<LogRecord>> {
  const keys = ["service", "severity", "minSeverity", "contains", "traceId", "timeRange", "limit", "before"] as const;
  const how = callOptions(filter, "logs.query", keys);
  const {
    service,
    severity,
    contains,
    traceId,
    timeRange = "1h",
    limit = DEFAULT_LIMIT,
    before,
  } = filter;
  if (service !== undefined) checkService(service);
  checkLimit(limit);
  if (severity !== undefined && filter.minSeverity !== undefined) {
    throw invalidArgument(
      "severity and minSeverity do not go together",
      "severity is exact, minSeverity the least",
    );
  }
  if (
    before !== undefined && !(before instanceof Date && before.getTime() >= 0)
  ) {
    throw invalidArgument(
      `before is ${String(before)}, expected a Date`,
      "for example the time of the last record",
    );
  }
  const request = {
    service,
    minSeverity: severityOf(
      filter.minSeverity ?? severity,
      severity === undefined ? "minSeverity" : "severity",
    ),
    maxSeverity: severityOf(severity, "severity"),
    contains,
    traceId,
    window: parseDuration(timeRange, "timeRange"),
    before: before === undefined ? undefined : timestampOf(before),
  };
  const records: LogRecord[] = [];
  const missing = new Set<string>();
  const notes = new Set<string>();
  let pageToken = "";
  let page;
  do {
    page = await call("queryLogs", {
      ...request,
      limit: Math.min(PAGE_SIZE, limit - records.length),
      pageToken,
    }, how);
    for (const record of page.records) records.push(recordOf(record));
    for (const agent of page.completeness?.missingAgents ?? []) {
      missing.add(agent);
    }
    for (const note of page.completeness?.notes ?? []) notes.add(note);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && records.length < limit);
  return listing(records, {
    ...completenessOf(undefined),
    rowsCut: page.completeness?.rowsCut ?? false,
    missingAgents: [...missing],
    notes: [...notes],
  });
}

const LEVELS: readonly LogLevel[] = [
  "trace",
  "debug",
  "info",
  "warn",
  "error",
  "fatal",
];

function severityOf(
  level: LogLevel | undefined,
  name: string,
): WireSeverity | undefined {
  if (level === undefined) return undefined;
  const number = LEVELS.indexOf(level) + 1;
  if (number > 0) return number;
  throw invalidArgument(
    `${name} is ${JSON.stringify(level)}, expected one of ${LEVELS.join(", ")}`,
    "leave it out for all",
  );
}

function recordOf(wire: WireRecord): LogRecord {
  return {
    time: dateOf(wire.time),
    serviceName: wire.serviceName,
    severity: LEVELS[wire.severity - 1]?.toUpperCase() as Uppercase<LogLevel> ??
      "UNSPECIFIED",
    body: wire.body,
    attributes: JSON.parse(wire.attributesJson || "{}"),
    traceId: wire.traceId || null,
    spanId: wire.spanId || null,
    agent: wire.agentId,
  };
}
