import * as coral from "../mod.ts";
import { withUnit } from "../draw/text.ts";
import {
  Answers,
  checkOptions,
  counted,
  orUndefined,
  rounded,
  type SkillResult,
  type SkillStatus,
  worst,
} from "./result.ts";

const MOST_BUCKETS = 4096; // the finest there is: buckets of both windows have the same bounds
const WARNING_GROWTH = 1.5, CRITICAL_GROWTH = 2;
const WARNING_ERRORS = 0.01, CRITICAL_ERRORS = 0.05;
const ATTEMPTS = 3;

/** Options of {@link regression}. */
export interface RegressionOptions {
  /** Length of each of both windows: the one that ends now, and the one before it. Default: `"30m"`. */
  window?: coral.DurationInput;
  /** Only this service. Default: all. */
  service?: string;
  /** Requests that a service must have in both windows to be judged. Default: 20. */
  least?: number;
}

/** One of two windows. */
export interface Measured {
  /** Requests answered. */
  requestCount: number;
  /** The share that failed, from 0 to 1. */
  errorRate: number;
  /** The median, milliseconds. */
  p50Ms: number;
  /** The 99th percentile, milliseconds. */
  p99Ms: number;
}

/** A service before and now. */
export interface Compared {
  /** Its name. */
  service: string;
  /** How it stands now against before. */
  status: SkillStatus;
  /** The window before. */
  before: Measured;
  /** The window that ends now. */
  now: Measured;
  /** P99 now divided by P99 before. */
  growth: number;
}

/**
 * What got slower or fails more often than in the window before.
 *
 * Both windows are read from histograms, so P99 of the window before is that of its requests, not an average. A P99 that
 * grew by half, or one point more of failed requests, is a warning; twice the P99, or five points, is critical.
 *
 * @param options Length of the windows, service.
 * @throws {coral.CoralError} `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as skills from "@coral/sdk/skills";
 *
 * const { summary, data } = await skills.regression({ window: "30m" });
 * console.log(summary, data.services.map(({ service, growth }) => `${service} ${growth}`));
 * ```
 */
export async function regression(
  options: RegressionOptions = {},
): Promise<SkillResult<{ services: Compared[]; notJudged: string[] }>> {
  checkOptions(options, "regression", ["window", "service", "least"]);
  const { window = "30m", service, least = 20 } = options;
  const answers = new Answers();
  const names = service === undefined ? (await answers.of(coral.services.list())).map(({ name }) => name) : [service];
  const notJudged: string[] = [];
  const services: Compared[] = [];
  for (const name of names) {
    const both = await orUndefined(measure(name, coral.durationMs(window), answers));
    if (both === undefined || both.some(({ requestCount }) => requestCount < least)) {
      notJudged.push(name);
      continue;
    }
    const [before, now] = both;
    const growth = rounded(now.p99Ms / before.p99Ms);
    const more = now.errorRate - before.errorRate;
    const status = growth >= CRITICAL_GROWTH || more >= CRITICAL_ERRORS
      ? "critical"
      : growth >= WARNING_GROWTH || more >= WARNING_ERRORS
      ? "warning"
      : "ok";
    services.push({ service: name, status, before, now, growth });
  }
  services.sort((a, b) => b.growth - a.growth || (a.service < b.service ? -1 : 1));
  const worse = services.filter(({ status }) => status !== "ok");
  const told = worse.map(({ service, before, now, growth }) => {
    const errors = `${withUnit(before.errorRate, "fraction")} → ${withUnit(now.errorRate, "fraction")}`;
    const latency = `P99 ${withUnit(before.p99Ms, "ms")} → ${withUnit(now.p99Ms, "ms")}`;
    return `${service}: ${growth >= WARNING_GROWTH ? latency : `errors ${errors}`}`;
  });
  return {
    summary: services.length === 0
      ? "no service has enough requests in both windows"
      : worse.length === 0
      ? `${counted(services.length, "service")} as before`
      : `${counted(worse.length, "service")} of ${services.length} got worse: ${told.join("; ")}`,
    status: worst(services.map(({ status }) => status)),
    data: { services, notJudged },
    recommendations: worse.map(({ service, growth }) =>
      growth >= WARNING_GROWTH
        ? `see what was deployed or changed for ${service}, and skills.slowTraces({ service: "${service}" })`
        : `see what was deployed or changed for ${service}, and coral logs ${service} --severity error`
    ),
    plots: [{
      kind: "table",
      title: "Before and now",
      columns: [
        { name: "service" },
        { name: "P99 before", unit: "ms" },
        { name: "P99 now", unit: "ms" },
        { name: "growth" },
        { name: "errors before", unit: "fraction" },
        { name: "errors now", unit: "fraction" },
      ],
      rows: services.map(({ service, before, now, growth }) => [
        service,
        before.p99Ms,
        now.p99Ms,
        growth,
        before.errorRate,
        now.errorRate,
      ]),
    }],
    completeness: answers.completeness(),
  };
}

/** Both windows of a service: what the long one has more than the short one is the window before. */
async function measure(service: string, length: number, answers: Answers): Promise<[before: Measured, now: Measured]> {
  for (let attempt = 1;; attempt++) {
    const ask = (window: number) =>
      Promise.all([
        answers.of(coral.metrics.getRequests(service, window)),
        answers.of(coral.metrics.histogram(service, undefined, { window, buckets: MOST_BUCKETS })),
      ]);
    const [[allRequests, all], [nowRequests, now]] = await Promise.all([ask(2 * length), ask(length)]);
    const counts = new Map(now.buckets.map(({ lower, count }) => [lower, count]));
    const before = all.buckets.map((bucket) => ({ ...bucket, count: bucket.count - (counts.get(bucket.lower) ?? 0) }));
    const requestCount = allRequests.requestCount - nowRequests.requestCount;
    const count = before.reduce((sum, bucket) => sum + bucket.count, 0);
    // The questions may be answered in different minutes, or while requests arrive.
    const isWhole = count === requestCount && before.every((bucket) => bucket.count >= 0);
    if (!isWhole && attempt < ATTEMPTS) continue;
    const errors = allRequests.errorCount - nowRequests.errorCount;
    const errorRate = requestCount > 0 ? Math.max(0, errors / requestCount) : 0;
    return [
      { requestCount: Math.max(0, requestCount), errorRate, ...quantiles(before) },
      { requestCount: nowRequests.requestCount, errorRate: nowRequests.errorRate, ...quantiles(now.buckets) },
    ];
  }
}

function quantiles(
  buckets: readonly { lower: number; upper: number; count: number }[],
): { p50Ms: number; p99Ms: number } {
  const total = buckets.reduce((sum, { count }) => sum + Math.max(0, count), 0);
  const quantile = (p: number): number => {
    let seen = 0;
    for (const { lower, upper, count } of buckets) {
      seen += Math.max(0, count);
      if (count > 0 && seen >= p * total) return rounded((lower > 0 ? Math.sqrt(lower * upper) : upper / 2) / 1e6);
    }
    return 0;
  };
  return { p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
}
