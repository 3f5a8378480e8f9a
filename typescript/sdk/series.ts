import { checkService } from "./arguments.ts";
import { type CallOptions, callOptions } from "./call_options.ts";
import { type Completeness, completenessOf, type Listing, listing } from "./completeness.ts";
import { call } from "./connection.ts";
import { describeDuration, type DurationInput, parseDuration } from "./duration.ts";
import { invalidArgument, orNoData } from "./errors.ts";
import { dateOf, milliseconds } from "./wire_time.ts";

const DEFAULT_METRIC = "http.server.duration";

/** Which time a series is about, and in which steps. */
export interface SeriesOptions extends CallOptions {
  /** How far to look back. Default: `"1h"`. */
  window?: DurationInput;
  /** Time from point to point, widened to whole minutes. Default: the server's choice, at most 60 points. */
  step?: DurationInput;
}

/** What happened in one step of a series. Where nothing is known of, quantiles and rates of errors are null, never 0. */
export interface SeriesPoint {
  /** First instant of the step. */
  start: Date;
  /** First instant after it; the last step ends with the window. */
  end: Date;
  /** Requests answered; 0 when none is known of. */
  requestCount: number;
  /** Those of them that failed. */
  errorCount: number;
  /** requestCount / seconds from start to end. */
  requestRate: number;
  /** errorCount / requestCount, a fraction from 0 to 1; null without requests. */
  errorRate: number | null;
  /** The median, nanoseconds; null without requests. */
  p50: number | null;
  /** The 95th percentile, nanoseconds; null without requests. */
  p95: number | null;
  /** The 99th percentile, nanoseconds; null without requests. */
  p99: number | null;
  /** The median, milliseconds; null without requests. */
  p50Ms: number | null;
  /** The 95th percentile, milliseconds; null without requests. */
  p95Ms: number | null;
  /** The 99th percentile, milliseconds; null without requests. */
  p99Ms: number | null;
}

/** Points over time, oldest first, without gaps. */
export type Series = Listing<SeriesPoint> & {
  /** Time from point to point as the server widened it, milliseconds. Not enumerable. */
  readonly stepMs: number;
};

/** What a histogram is about, and how fine it is. */
export interface HistogramOptions extends CallOptions {
  /** How far to look back. Default: `"5m"`. */
  window?: DurationInput;
  /** Buckets at most, 1 to 4096; neighbours are put together until they are few enough. Default: 64. */
  buckets?: number;
}

/** A range of values: above `lower`, up to and including `upper`. One that begins at 0 holds zeros too. */
export interface HistogramBucket {
  /** Lower bound, nanoseconds. */
  lower: number;
  /** Upper bound, nanoseconds. */
  upper: number;
  /** Observations in it; may be 0. */
  count: number;
}

/** How the values of a metric are distributed. */
export interface Histogram {
  /** Buckets without gaps, lowest first; the first and the last have observations. */
  buckets: HistogramBucket[];
  /** How many observations there are; at least 1. */
  count: number;
  /** The smallest one, nanoseconds. */
  min: number;
  /** The largest one, nanoseconds. */
  max: number;
  /** What was looked at: from `start` until before `end`. */
  window: {
    /** First instant that counts. */
    start: Date;
    /** First instant that no longer counts. */
    end: Date;
  };
  /** How complete the figures are. */
  completeness: Completeness;
}

/**
 * Requests, errors and quantiles of a metric over time.
 *
 * Every step of the window is there. Steps begin at whole multiples of their length (UTC), so the first one may reach
 * back further than the window. A series of one step has the numbers of `getPercentile` and `getRequests`
 * over the same time.
 *
 * @param service The service's name.
 * @param metric The metric's name.
 * @default metric "http.server.duration"
 * @param options Which time, in which steps: by default the last hour, in minutes.
 * @throws {NoDataError} The service has no data for the metric in the whole window.
 * @throws {CoralError} `INVALID_ARGUMENT` when there were more than 1000 points, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * for (const point of await coral.metrics.series("payments", "http.server.duration", { window: "1h", step: "5m" })) {
 *   const p99 = point.p99Ms === null ? "no requests" : `${point.p99Ms.toFixed(1)}ms`;
 *   console.log(point.start.toISOString(), point.requestCount, p99);
 * }
 * ```
 */
export async function series(
  service: string,
  metric: string = DEFAULT_METRIC,
  options: SeriesOptions = {},
): Promise<Series> {
  checkService(service);
  const how = callOptions(options, "metrics.series", ["window", "step"]);
  const { window = "1h", step } = options;
  const request = {
    service,
    metric,
    window: parseDuration(window, "window"),
    step: step === undefined ? undefined : parseDuration(step, "step"),
  };
  const subject = { service, metric, window: describeDuration(window) };
  const answer = await orNoData(call("getSeries", request, how), subject);
  const stepMs = milliseconds(answer.step);
  const windowEnd = dateOf(answer.window?.end).getTime();
  const points = answer.points.map((point): SeriesPoint => {
    const start = dateOf(point.startTime);
    const end = new Date(Math.min(start.getTime() + stepMs, windowEnd));
    const requestCount = Number(point.requestCount);
    const { errorRate = null, p50 = null, p95 = null, p99 = null } = point;
    return {
      start,
      end,
      requestCount,
      errorCount: Number(point.errorCount),
      requestRate: requestCount / ((end.getTime() - start.getTime()) / 1e3),
      errorRate,
      p50,
      p95,
      p99,
      p50Ms: p50 === null ? null : p50 / 1e6,
      p95Ms: p95 === null ? null : p95 / 1e6,
      p99Ms: p99 === null ? null : p99 / 1e6,
    };
  });
  const marked = listing(points, completenessOf(answer.completeness));
  return Object.defineProperty(marked, "stepMs", { value: stepMs }) as Series;
}

/**
 * How the values of a metric are distributed.
 *
 * It is the histogram that `getPercentile` reads its quantiles from, so a quantile lies in the bucket that it
 * belongs to. Buckets grow by a constant factor.
 *
 * @param service The service's name.
 * @param metric The metric's name.
 * @default metric "http.server.duration"
 * @param options Which time, and how fine: by default the last 5 minutes in at most 64 buckets.
 * @throws {NoDataError} The service has no data for the metric in the window.
 * @throws {CoralError} `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const { buckets, count } = await coral.metrics.histogram("payments", "http.server.duration", { buckets: 20 });
 * for (const { upper, count: inside } of buckets) {
 *   console.log(`up to ${(upper / 1e6).toFixed(1)}ms`, "#".repeat(Math.ceil((inside / count) * 50)));
 * }
 * ```
 */
export async function histogram(
  service: string,
  metric: string = DEFAULT_METRIC,
  options: HistogramOptions = {},
): Promise<Histogram> {
  checkService(service);
  const how = callOptions(options, "metrics.histogram", ["window", "buckets"]);
  const { window = "5m", buckets } = options;
  if (buckets !== undefined && !(Number.isInteger(buckets) && buckets >= 1 && buckets <= 4096)) {
    throw invalidArgument(`buckets is ${buckets}, expected a whole number from 1 to 4096`, "leave it out for 64");
  }
  const request = { service, metric, window: parseDuration(window, "window"), maxBuckets: buckets };
  const subject = { service, metric, window: describeDuration(window) };
  const answer = await orNoData(call("getHistogram", request, how), subject);
  return {
    buckets: answer.buckets.map(({ lower, upper, count }) => ({ lower, upper, count: Number(count) })),
    count: Number(answer.sampleCount),
    min: answer.smallest,
    max: answer.largest,
    window: { start: dateOf(answer.window?.start), end: dateOf(answer.window?.end) },
    completeness: completenessOf(answer.completeness),
  };
}
