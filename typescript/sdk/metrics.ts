/**
 * Latency, errors and traffic of services.
 *
 * Durations are plain numbers in **nanoseconds** (`getP99Ms` and its like: milliseconds); error rates
 * are fractions from 0 to 1. They come from SERVER and CONSUMER spans, HTTP or not; an error is the
 * span status ERROR. The server widens a window to whole minutes.
 *
 * Where there are no data, a {@link NoDataError} names service, metric and window.
 *
 * @module
 */

import { checkService } from "./arguments.ts";
import { type WindowOptions, windowOptions } from "./call_options.ts";
import { type Completeness, completenessOf } from "./completeness.ts";
import { call } from "./connection.ts";
import { describeDuration, type DurationInput, parseDuration } from "./duration.ts";
import { invalidArgument, orNoData } from "./errors.ts";
import { dateOf } from "./wire_time.ts";

export { histogram, series } from "./series.ts";

const DEFAULT_METRIC = "http.server.duration";

/** How many requests a service answered, and how. */
export interface Requests {
  /** Requests answered; at least 1. */
  requestCount: number;
  /** Those of them that failed. */
  errorCount: number;
  /** errorCount / requestCount, a fraction from 0 to 1. */
  errorRate: number;
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
 * One quantile of a metric, with a relative error of at most 1 %.
 *
 * @param service The service's name.
 * @param metric The metric's name, for example `"http.server.duration"`.
 * @param p The quantile as a fraction: 0.99 is P99.
 * @param window How far to look back, alone or among options.
 * @default window "5m"
 * @returns The value: nanoseconds for durations, else the metric's own unit.
 * @throws {NoDataError} The service has no data for the metric in the window.
 * @throws {CoralError} `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const p99 = await coral.metrics.getPercentile("payments", "http.server.duration", 0.99);
 * if (p99 > 500_000_000) console.log(`slow: ${p99 / 1_000_000} ms`);
 * ```
 */
export async function getPercentile(
  service: string,
  metric: string,
  p: number,
  window?: DurationInput | WindowOptions,
): Promise<number> {
  return (await percentile(service, metric, p, window)).value;
}

/**
 * The median of a metric.
 *
 * @param service The service's name.
 * @param metric The metric's name.
 * @default metric "http.server.duration"
 * @param window How far to look back, alone or among options.
 * @default window "5m"
 * @returns Nanoseconds for durations, else the metric's own unit.
 * @throws {NoDataError} The service has no data for the metric in the window.
 * @throws {CoralError} As {@link getPercentile}.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const p50 = await coral.metrics.getP50("payments");
 * console.log(`half of the requests took at most ${p50 / 1e6} ms`);
 * ```
 */
export function getP50(service: string, metric?: string, window?: DurationInput | WindowOptions): Promise<number> {
  return getPercentile(service, metric ?? DEFAULT_METRIC, 0.5, window);
}

/**
 * The value that 95 % of the observations of a metric do not exceed.
 *
 * @param service The service's name.
 * @param metric The metric's name.
 * @default metric "http.server.duration"
 * @param window How far to look back, alone or among options.
 * @default window "5m"
 * @returns Nanoseconds for durations, else the metric's own unit.
 * @throws {NoDataError} The service has no data for the metric in the window.
 * @throws {CoralError} As {@link getPercentile}.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const p95 = await coral.metrics.getP95("payments", "http.server.duration", "15m");
 * console.log(p95 / 1e6, "ms");
 * ```
 */
export function getP95(service: string, metric?: string, window?: DurationInput | WindowOptions): Promise<number> {
  return getPercentile(service, metric ?? DEFAULT_METRIC, 0.95, window);
}

/**
 * The value that 99 % of the observations of a metric do not exceed.
 *
 * @param service The service's name.
 * @param metric The metric's name.
 * @default metric "http.server.duration"
 * @param window How far to look back, alone or among options.
 * @default window "5m"
 * @returns Nanoseconds for durations, else the metric's own unit.
 * @throws {NoDataError} The service has no data for the metric in the window.
 * @throws {CoralError} As {@link getPercentile}.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const p99 = await coral.metrics.getP99("payments", "http.server.duration", "1h");
 * console.log(`${(p99 / 1e6).toFixed(1)}ms`);
 * ```
 */
export function getP99(service: string, metric?: string, window?: DurationInput | WindowOptions): Promise<number> {
  return getPercentile(service, metric ?? DEFAULT_METRIC, 0.99, window);
}

/**
 * The median of a duration metric in milliseconds.
 *
 * @param service The service's name.
 * @param metric The metric's name; it must be a duration.
 * @default metric "http.server.duration"
 * @param window How far to look back, alone or among options.
 * @default window "5m"
 * @returns Milliseconds.
 * @throws {NoDataError} The service has no data for the metric in the window.
 * @throws {CoralError} As {@link getPercentile}; `INVALID_ARGUMENT` too if the metric is no duration.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * console.log((await coral.metrics.getP50Ms("payments")).toFixed(1), "ms");
 * ```
 */
export function getP50Ms(service: string, metric?: string, window?: DurationInput | WindowOptions): Promise<number> {
  return percentileMs(service, metric, 0.5, window);
}

/**
 * The 95th percentile of a duration metric in milliseconds.
 *
 * @param service The service's name.
 * @param metric The metric's name; it must be a duration.
 * @default metric "http.server.duration"
 * @param window How far to look back, alone or among options.
 * @default window "5m"
 * @returns Milliseconds.
 * @throws {NoDataError} The service has no data for the metric in the window.
 * @throws {CoralError} As {@link getPercentile}; `INVALID_ARGUMENT` too if the metric is no duration.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * console.log((await coral.metrics.getP95Ms("payments")).toFixed(1), "ms");
 * ```
 */
export function getP95Ms(service: string, metric?: string, window?: DurationInput | WindowOptions): Promise<number> {
  return percentileMs(service, metric, 0.95, window);
}

/**
 * The 99th percentile of a duration metric in milliseconds.
 *
 * @param service The service's name.
 * @param metric The metric's name; it must be a duration.
 * @default metric "http.server.duration"
 * @param window How far to look back, alone or among options.
 * @default window "5m"
 * @returns Milliseconds.
 * @throws {NoDataError} The service has no data for the metric in the window.
 * @throws {CoralError} As {@link getPercentile}; `INVALID_ARGUMENT` too if the metric is no duration.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const p99 = await coral.metrics.getP99Ms("payments", "http.server.duration", { window: "1h", timeout: "5s" });
 * console.log(`${p99.toFixed(1)}ms`);
 * ```
 */
export function getP99Ms(service: string, metric?: string, window?: DurationInput | WindowOptions): Promise<number> {
  return percentileMs(service, metric, 0.99, window);
}

/**
 * Requests answered and failed, with what was looked at. One call for all of these figures.
 *
 * @param service The service's name.
 * @param window How far to look back, alone or among options.
 * @default window "5m"
 * @returns Counts, and the error rate as a fraction from 0 to 1.
 * @throws {NoDataError} The service answered no request in the window.
 * @throws {CoralError} `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const { errorCount, requestCount } = await coral.metrics.getRequests("orders", "15m");
 * console.log(`${errorCount} of ${requestCount} failed`);
 * ```
 */
export async function getRequests(service: string, window?: DurationInput | WindowOptions): Promise<Requests> {
  checkService(service);
  const { window: length, how } = windowOptions(window, "metrics");
  const request = { service, window: parseDuration(length, "window") };
  const subject = { service, metric: "requests", window: describeDuration(length) };
  const answer = await orNoData(call("getErrorRate", request, how), subject);
  return {
    requestCount: Number(answer.requestCount),
    errorCount: Number(answer.errorCount),
    errorRate: answer.errorRate,
    window: { start: dateOf(answer.window?.start), end: dateOf(answer.window?.end) },
    completeness: completenessOf(answer.completeness),
  };
}

/**
 * The share of requests that failed.
 *
 * @param service The service's name.
 * @param window How far to look back, alone or among options.
 * @default window "5m"
 * @returns A fraction from 0 to 1.
 * @throws {NoDataError} The service answered no request in the window.
 * @throws {CoralError} As {@link getRequests}.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const rate = await coral.metrics.getErrorRate("orders", "5m");
 * console.log(`${(rate * 100).toFixed(2)}%`);
 * ```
 */
export async function getErrorRate(service: string, window?: DurationInput | WindowOptions): Promise<number> {
  return (await getRequests(service, window)).errorRate;
}

/**
 * How many requests a service answered.
 *
 * @param service The service's name.
 * @param window How far to look back, alone or among options.
 * @default window "5m"
 * @returns A count, at least 1.
 * @throws {NoDataError} The service answered no request in the window.
 * @throws {CoralError} As {@link getRequests}.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * console.log(await coral.metrics.getRequestCount("orders", "1h"), "requests within the hour");
 * ```
 */
export async function getRequestCount(service: string, window?: DurationInput | WindowOptions): Promise<number> {
  return (await getRequests(service, window)).requestCount;
}

/**
 * How many requests a service answered per second, on average over the window as the server widened it.
 *
 * @param service The service's name.
 * @param window How far to look back, alone or among options.
 * @default window "5m"
 * @returns Requests per second.
 * @throws {NoDataError} The service answered no request in the window.
 * @throws {CoralError} As {@link getRequests}.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * console.log((await coral.metrics.getRequestRate("orders")).toFixed(2), "requests per second");
 * ```
 */
export async function getRequestRate(service: string, window?: DurationInput | WindowOptions): Promise<number> {
  const requests = await getRequests(service, window);
  const seconds = (requests.window.end.getTime() - requests.window.start.getTime()) / 1e3;
  return requests.requestCount / seconds;
}

async function percentile(
  service: string,
  metric: string,
  p: number,
  window: DurationInput | WindowOptions | undefined,
): Promise<{ value: number; unit: string }> {
  checkService(service);
  if (!(p >= 0 && p <= 1)) {
    throw invalidArgument(`p is ${p}, expected a fraction from 0 to 1`, "P99 is 0.99");
  }
  const { window: length, how } = windowOptions(window, "metrics");
  const request = { service, metric, percentile: p, window: parseDuration(length, "window") };
  const subject = { service, metric, window: describeDuration(length) };
  return await orNoData(call("getPercentile", request, how), subject);
}

async function percentileMs(
  service: string,
  metric: string = DEFAULT_METRIC,
  p: number,
  window: DurationInput | WindowOptions | undefined,
): Promise<number> {
  const { value, unit } = await percentile(service, metric, p, window);
  if (unit !== "ns") {
    throw invalidArgument(
      `${metric} of ${service} is measured in ${unit || "no unit"}, expected a duration`,
      "getPercentile() answers in the metric's own unit",
    );
  }
  return value / 1e6;
}
