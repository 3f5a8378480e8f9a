import * as coral from "../mod.ts";
import { withUnit } from "../draw/text.ts";
import { Answers, checkOptions, counted, rounded, type SkillResult } from "./result.ts";

/** Options of {@link slowTraces}. */
export interface SlowTracesOptions {
  /** The service whose traces are looked at. */
  service: string;
  /** From which duration a trace is slow. Default: `"500ms"`. */
  threshold?: coral.DurationInput;
  /** How far to look back. Default: `"1h"`. */
  window?: coral.DurationInput;
  /** How many of the slowest are explained. Default: 5. */
  limit?: number;
}

/** A part of the critical path: time in which nothing else of the path ran. */
export interface PathStep {
  /** The service. */
  service: string;
  /** The operation. */
  operation: string;
  /** Its own time on the path, milliseconds. */
  selfMs: number;
}

/** A slow trace and where its time went. */
export interface ExplainedTrace {
  /** Its id. */
  traceId: string;
  /** Duration of the service's longest span in it, milliseconds. */
  durationMs: number;
  /** The critical path, the longest part first. */
  path: PathStep[];
}

/** An operation's share in the time of all explained traces. */
export interface Cause {
  /** The service. */
  service: string;
  /** The operation. */
  operation: string;
  /** Its own time on all critical paths, milliseconds. */
  selfMs: number;
  /** The same as a share of all of it, from 0 to 1. */
  share: number;
}

/**
 * Why the slowest traces of a service are slow: the operations on their critical paths by their own time.
 *
 * The critical path is walked from the end of a trace back: of what ran beside one another, the part that ended last
 * is what was waited for.
 *
 * @param options The service, and which traces.
 * @throws {coral.CoralError} `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as skills from "@coral/sdk/skills";
 *
 * const { data } = await skills.slowTraces({ service: "payments", threshold: "500ms" });
 * for (const cause of data.causes) console.log(cause.service, cause.operation, cause.share);
 * ```
 */
export async function slowTraces(
  options: SlowTracesOptions,
): Promise<SkillResult<{ causes: Cause[]; traces: ExplainedTrace[] }>> {
  checkOptions(options, "slowTraces", ["service", "threshold", "window", "limit"]);
  const { service, threshold = "500ms", window = "1h", limit = 5 } = options;
  const answers = new Answers();
  const found = await answers.of(coral.traces.findSlow(service, threshold, { window, limit }));
  const traces = await Promise.all(found.map(async ({ traceId }): Promise<ExplainedTrace> => {
    const { spans } = await answers.of(coral.traces.get(traceId));
    const own = spans.filter(({ serviceName }) => serviceName === service);
    const root = (own.length > 0 ? own : spans).reduce((a, b) => b.durationNs > a.durationNs ? b : a);
    return { traceId, durationMs: root.durationMs, path: criticalPath(root, spans) };
  }));
  const sums = new Map<string, Cause>();
  let total = 0;
  for (const step of traces.flatMap(({ path }) => path)) {
    const key = JSON.stringify([step.service, step.operation]);
    const cause = sums.get(key) ?? { service: step.service, operation: step.operation, selfMs: 0, share: 0 };
    cause.selfMs += step.selfMs;
    total += step.selfMs;
    sums.set(key, cause);
  }
  const causes = [...sums.values()].map((cause) => ({
    ...cause,
    selfMs: rounded(cause.selfMs),
    share: rounded(cause.selfMs / total),
  })).sort((a, b) => b.selfMs - a.selfMs);
  const known = traces.length > 0 || await seen(service);
  const slow = typeof threshold === "number" ? `${threshold}ms` : threshold;
  const [first] = causes;
  const name = (cause: Cause): string => `${cause.operation} of ${cause.service}`;
  return {
    summary: first !== undefined
      ? `${withUnit(first.share, "fraction")} of the time of ${counted(traces.length, "slow trace")} is spent in ${
        name(first)
      }`
      : known
      ? `no known trace of ${service} took ${slow}`
      : `no trace of ${service} is known`,
    status: first !== undefined ? "warning" : known ? "ok" : "no-data",
    data: { causes, traces },
    recommendations: first === undefined ? [] : [
      first.service === service
        ? `make ${first.operation} faster: the time is its own, not that of what it calls`
        : `look at ${first.service}: ${service} waits for it`,
      `see one of them: coral.traces.get("${traces[0].traceId}")`,
    ],
    plots: [{
      kind: "bar",
      title: `Where ${service} spends the time of its slow traces`,
      unit: "ms",
      bars: causes.slice(0, 10).map((cause) => [name(cause), cause.selfMs]),
    }],
    completeness: answers.completeness(),
  };

  async function seen(service: string): Promise<boolean> {
    return (await answers.of(coral.traces.query({ service, timeRange: window, limit: 1 }))).length > 0;
  }
}

type Span = Awaited<ReturnType<typeof coral.traces.get>>["spans"][number];

/** @internal The operations that a trace waited for, by their own time. */
export function criticalPath(root: Span, spans: readonly Span[]): PathStep[] {
  const children = new Map<string, Span[]>();
  for (const span of spans) {
    if (span.parentSpanId === null) continue;
    const siblings = children.get(span.parentSpanId);
    if (siblings) siblings.push(span);
    else children.set(span.parentSpanId, [span]);
  }
  const begin = (span: Span): number => span.startTime.getTime();
  const end = (span: Span): number => begin(span) + span.durationMs;
  const selfMs = new Map<Span, number>();
  // A list and no recursion: a trace may be thousands of spans deep. A span is walked once, also in a broken trace.
  const waiting: [span: Span, until: number][] = [[root, end(root)]];
  const walked = new Set<Span>();
  for (let next; (next = waiting.pop()) !== undefined;) {
    const [span, until] = next;
    if (walked.has(span)) continue;
    walked.add(span);
    let at = until, own = 0;
    for (const child of (children.get(span.spanId) ?? []).sort((a, b) => end(b) - end(a))) {
      const ended = Math.min(end(child), at);
      // What ended after it was waited for already, or it began before its parent: clocks differ.
      if (ended <= begin(span) || begin(child) >= at) continue;
      own += at - ended;
      waiting.push([child, ended]);
      at = Math.max(begin(child), begin(span));
    }
    selfMs.set(span, own + Math.max(0, at - begin(span)));
  }
  return [...selfMs].filter(([, ms]) => ms > 0).sort(([, a], [, b]) => b - a).map(([span, ms]) => (
    { service: span.serviceName, operation: span.name, selfMs: rounded(ms) }
  ));
}
