import * as coral from "../mod.ts";
import { withUnit } from "../draw/text.ts";
import { Answers, checkOptions, counted, judge, listed, orUndefined, type SkillResult, worst } from "./result.ts";

/** Options of {@link latencyReport}. */
export interface LatencyReportOptions {
  /** How far to look back. Default: `"15m"`. */
  window?: coral.DurationInput;
  /** P99 from which a service is slow, milliseconds. Default: 500. */
  warningMs?: number;
  /** P99 from which that is critical, milliseconds. Default: 1000. */
  criticalMs?: number;
}

/** One service in a latency report. */
export interface ServiceLatency {
  /** Its name. */
  service: string;
  /** Requests answered. */
  requestCount: number;
  /** The share that failed, from 0 to 1. */
  errorRate: number;
  /** The median, milliseconds. */
  p50Ms: number;
  /** The 95th percentile, milliseconds. */
  p95Ms: number;
  /** The 99th percentile, milliseconds. */
  p99Ms: number;
}

/**
 * Latency and errors of every service, the slowest first.
 *
 * @param options Window and limits.
 * @throws {coral.CoralError} `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as skills from "@coral/sdk/skills";
 *
 * const report = await skills.latencyReport({ window: "15m", warningMs: 300 });
 * console.log(report.status, report.summary);
 * ```
 */
export async function latencyReport(
  options: LatencyReportOptions = {},
): Promise<SkillResult<{ services: ServiceLatency[]; idle: string[] }>> {
  checkOptions(options, "latencyReport", ["window", "warningMs", "criticalMs"]);
  const { window = "15m", warningMs = 500, criticalMs = 1000 } = options;
  const answers = new Answers();
  const measured = await Promise.all((await answers.of(coral.services.list())).map(async ({ name, metrics }) => {
    const found = await orUndefined(Promise.all([
      answers.of(metrics.getRequests(window)),
      metrics.getP50Ms(undefined, window),
      metrics.getP95Ms(undefined, window),
      metrics.getP99Ms(undefined, window),
    ]));
    if (found === undefined) return name;
    const [{ requestCount, errorRate }, p50Ms, p95Ms, p99Ms] = found;
    return { service: name, requestCount, errorRate, p50Ms, p95Ms, p99Ms };
  }));
  const services = measured.filter((each) => typeof each !== "string").sort((a, b) => b.p99Ms - a.p99Ms);
  const idle = measured.filter((each) => typeof each === "string");
  const slow = services.filter(({ p99Ms }) => p99Ms >= warningMs);
  const ms = (value: number): string => withUnit(value, "ms");
  return {
    summary: services.length === 0
      ? "no service answered a request"
      : slow.length === 0
      ? `P99 of ${counted(services.length, "service")} is below ${ms(warningMs)}, at most ${ms(services[0].p99Ms)}`
      : `${counted(slow.length, "service")} of ${services.length} above ${ms(warningMs)}, slowest ${
        slow[0].service
      }: ` +
        `P99 ${ms(slow[0].p99Ms)}`,
    status: worst(services.map(({ p99Ms }) => judge(p99Ms, warningMs, criticalMs))),
    data: { services, idle },
    recommendations: [
      ...slow.length > 0 ? [`see where the time goes: skills.slowTraces({ service: "${slow[0].service}" })`] : [],
      ...idle.length > 0 ? [`idle, so not judged: ${listed(idle)}`] : [],
    ],
    plots: [
      { kind: "bar", title: "P99", unit: "ms", bars: services.map(({ service, p99Ms }) => [service, p99Ms]) },
      {
        kind: "table",
        title: "Services",
        columns: [
          { name: "service" },
          { name: "requests" },
          { name: "errors", unit: "fraction" },
          { name: "P50", unit: "ms" },
          { name: "P95", unit: "ms" },
          { name: "P99", unit: "ms" },
        ],
        rows: services.map((each) => [
          each.service,
          each.requestCount,
          each.errorRate,
          each.p50Ms,
          each.p95Ms,
          each.p99Ms,
        ]),
      },
    ],
    completeness: answers.completeness(),
  };
}
