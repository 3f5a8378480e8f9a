/**
 * Traces: which were slow or failed, and the spans of one.
 *
 * @module
 */

import { checkLimit, checkService } from "./arguments.ts";
import { type CallOptions, callOptions } from "./call_options.ts";
import { type Completeness, completenessOf, type Listing, listing } from "./completeness.ts";
import { call } from "./connection.ts";
import { type DurationInput, parseDuration } from "./duration.ts";
import { invalidArgument } from "./errors.ts";
import type {
  Completeness as WireCompleteness,
  Span as WireSpan,
  SpanKind as WireKind,
  SpanStatus as WireStatus,
  TraceStatus as WireTraceStatus,
  TraceSummary as WireSummary,
} from "./gen/coral/colony/v1/query_pb.ts";
import { dateOf, nanoseconds } from "./wire_time.ts";

const DEFAULT_LIMIT = 100;
const PAGE_SIZE = 1000;

/** One service's part in one trace. */
export interface TraceSummary {
  /** The trace's id, 32 hex digits. */
  traceId: string;
  /** The service that this is about. */
  serviceName: string;
  /** When the service's first span of the trace began. */
  startTime: Date;
  /** Duration of the service's longest span in the trace, nanoseconds. */
  durationNs: number;
  /** The same in milliseconds. */
  durationMs: number;
  /** Whether any of the service's spans in the trace failed. */
  hasError: boolean;
  /** How many spans of the service are known. */
  spanCount: number;
}

/** Which traces to list. All filters that are given must hold. */
export interface TraceQuery extends CallOptions {
  /** Only this service's part of traces. Default: every service. */
  service?: string;
  /** Only traces that took at least this long. */
  minDuration?: DurationInput;
  /** Only traces that took at most this long. */
  maxDuration?: DurationInput;
  /** How far to look back by start time. Default: `"1h"`. */
  timeRange?: DurationInput;
  /** Only traces without a failed span, or only those with one. Default: both. */
  status?: "ok" | "error";
  /** Traces at most. Default: 100. */
  limit?: number;
}

/** How to look for slow traces. */
export interface SlowTraceOptions extends CallOptions {
  /** How far to look back by start time. Default: `"1h"`. */
  window?: DurationInput;
  /** Traces at most. Default: 100. */
  limit?: number;
}

/** The role of a span, as in OpenTelemetry. */
export type SpanKind = "INTERNAL" | "SERVER" | "CLIENT" | "PRODUCER" | "CONSUMER";

/** The outcome of a span, as in OpenTelemetry. */
export type SpanStatus = "UNSET" | "OK" | "ERROR";

/** One span of a trace. */
export interface Span {
  /** The trace's id, 32 hex digits. */
  traceId: string;
  /** The span's id, 16 hex digits. */
  spanId: string;
  /** The id of the span that it is part of; null for a root span. */
  parentSpanId: string | null;
  /** The service that made it. */
  serviceName: string;
  /** The operation's name. */
  name: string;
  /** Its role. */
  kind: SpanKind;
  /** When it began, cut to milliseconds. */
  startTime: Date;
  /** How long it took, nanoseconds. */
  durationNs: number;
  /** The same in milliseconds. */
  durationMs: number;
  /** Its outcome. */
  status: SpanStatus;
  /** Its attributes. */
  attributes: Record<string, unknown>;
}

/** A trace with its spans. */
export interface Trace {
  /** The trace's id, 32 hex digits. */
  traceId: string;
  /** The known spans by start time; at least one. */
  spans: Span[];
  /** How complete the trace is. */
  completeness: Completeness;
}

/**
 * Lists traces, newest first.
 *
 * @param filter Which traces; none lists those of the last hour.
 * @returns The traces; `completeness.rowsCut` tells that there were more than the limit.
 * @throws {CoralError} `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const slow = await coral.traces.query({ service: "payments", minDuration: "500ms", timeRange: "1h" });
 * for (const trace of slow) console.log(trace.traceId, trace.durationMs);
 * ```
 */
export async function query(filter: TraceQuery = {}): Promise<Listing<TraceSummary>> {
  const keys = ["service", "minDuration", "maxDuration", "timeRange", "status", "limit"] as const;
  const how = callOptions(filter, "traces.query", keys);
  const { service, minDuration, maxDuration, timeRange = "1h", status, limit = DEFAULT_LIMIT } = filter;
  if (service !== undefined) checkService(service);
  const request = {
    service,
    minDuration: minDuration === undefined ? undefined : parseDuration(minDuration, "minDuration", "zero"),
    maxDuration: maxDuration === undefined ? undefined : parseDuration(maxDuration, "maxDuration", "zero"),
    window: parseDuration(timeRange, "timeRange"),
    status: statusFilter(status),
  };
  return await pages(limit, (page) => call("queryTraces", { ...request, ...page }, how));
}

/**
 * Lists the slow traces of a service, slowest first.
 *
 * @param service The service's name.
 * @param threshold The least duration that counts as slow.
 * @param options How far to look back, and how many traces.
 * @returns The traces; `completeness.rowsCut` tells that there were more than the limit.
 * @throws {CoralError} `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const [slowest] = await coral.traces.findSlow("payments", "500ms", { window: "15m", limit: 1 });
 * if (slowest) console.log(slowest.traceId, slowest.durationMs);
 * ```
 */
export async function findSlow(
  service: string,
  threshold: DurationInput,
  options: SlowTraceOptions = {},
): Promise<Listing<TraceSummary>> {
  const how = callOptions(options, "traces.findSlow", ["window", "limit"]);
  const { window = "1h", limit = DEFAULT_LIMIT } = options;
  checkService(service);
  const request = {
    service,
    threshold: parseDuration(threshold, "threshold", "zero"),
    window: parseDuration(window, "window"),
  };
  return await pages(limit, (page) => call("findSlowTraces", { ...request, ...page }, how));
}

/**
 * One trace with all its known spans.
 *
 * @param traceId The trace's id, 32 hex digits.
 * @param options Of the call.
 * @returns The spans by start time.
 * @throws {CoralError} `NOT_FOUND` when the trace is unknown here (a colony keeps a sample of traces);
 *   `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const [failed] = await coral.traces.query({ status: "error", limit: 1 });
 * if (failed) {
 *   const trace = await coral.traces.get(failed.traceId);
 *   for (const span of trace.spans) console.log(span.serviceName, span.name, span.durationMs);
 * }
 * ```
 */
export async function get(traceId: string, options: CallOptions = {}): Promise<Trace> {
  const how = callOptions(options, "traces.get");
  if (typeof traceId !== "string" || !/^[0-9a-f]{32}$/i.test(traceId)) {
    throw invalidArgument(
      `traceId is ${JSON.stringify(traceId)}, expected 32 hex digits`,
      "coral.traces.query() gives the ids of traces",
    );
  }
  const answer = await call("getTrace", { traceId: traceId.toLowerCase() }, how);
  return {
    traceId: traceId.toLowerCase(),
    spans: answer.spans.map(spanOf),
    completeness: completenessOf(answer.completeness),
  };
}

interface Page {
  traces: WireSummary[];
  nextPageToken: string;
  completeness?: WireCompleteness;
}

async function pages(
  limit: number,
  fetchPage: (page: { pageSize: number; pageToken: string }) => Promise<Page>,
): Promise<Listing<TraceSummary>> {
  checkLimit(limit);
  const found: TraceSummary[] = [];
  let pageToken = "";
  let page: Page;
  do {
    page = await fetchPage({ pageSize: Math.min(PAGE_SIZE, limit - found.length), pageToken });
    for (const trace of page.traces) found.push(summaryOf(trace));
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && found.length < limit);
  const completeness = completenessOf(page.completeness);
  completeness.rowsCut ||= pageToken !== "";
  return listing(found, completeness);
}

// The numbers of the wire's enums, without loading the generated code that names them; the types
// of the compared values keep them right.
const OK: WireTraceStatus.OK = 1;
const ERROR: WireTraceStatus.ERROR = 2;

function statusFilter(status: TraceQuery["status"]): WireTraceStatus | undefined {
  if (status === undefined) return undefined;
  if (status === "ok") return OK;
  if (status === "error") return ERROR;
  throw invalidArgument(`status is ${JSON.stringify(status)}, expected "ok" or "error"`, "leave it out for both");
}

const KINDS: Record<WireKind, SpanKind> = {
  0: "INTERNAL",
  1: "INTERNAL",
  2: "SERVER",
  3: "CLIENT",
  4: "PRODUCER",
  5: "CONSUMER",
};
const STATUSES: Record<WireStatus, SpanStatus> = { 0: "UNSET", 1: "OK", 2: "ERROR" };

function summaryOf(wire: WireSummary): TraceSummary {
  const durationNs = nanoseconds(wire.duration);
  return {
    traceId: wire.traceId,
    serviceName: wire.serviceName,
    startTime: dateOf(wire.startTime),
    durationNs,
    durationMs: durationNs / 1e6,
    hasError: wire.hasError,
    spanCount: wire.spanCount,
  };
}

function spanOf(wire: WireSpan): Span {
  const durationNs = nanoseconds(wire.duration);
  return {
    traceId: wire.traceId,
    spanId: wire.spanId,
    parentSpanId: wire.parentSpanId || null,
    serviceName: wire.serviceName,
    name: wire.spanName,
    kind: KINDS[wire.kind] ?? "INTERNAL",
    startTime: dateOf(wire.startTime),
    durationNs,
    durationMs: durationNs / 1e6,
    status: STATUSES[wire.status] ?? "UNSET",
    attributes: wire.attributesJson === "" ? {} : JSON.parse(wire.attributesJson),
  };
}
