import * as coral from "../mod.ts";
import { withUnit } from "../draw/text.ts";
import { Answers, checkOptions, correlation, judge, rounded, type SkillResult, within, worst } from "./result.ts";

const TOGETHER = 0.7;

/** Options of {@link errorCorrelation}. */
export interface ErrorCorrelationOptions {
  /** How far to look back. Default: `"1h"`. */
  window?: coral.DurationInput;
  /** Share of failed requests from which a service is looked at. Default: 0.01. */
  warningRate?: number;
  /** Share from which that is critical. Default: 0.05. */
  criticalRate?: number;
}

/** Two services that fail in the same minutes. */
export interface FailingPair {
  /** The one that calls, where one calls the other; else the first by name. */
  caller: string;
  /** The other one. */
  callee: string;
  /** Whether the first is known to call the second. */
  calls: boolean;
  /** How much their error rates rise and fall together, minute by minute: Pearson's coefficient, 0.7 to 1. */
  correlation: number;
  /** Known traces in which both failed. */
  sharedTraces: number;
}

/**
 * Which services fail together, and who calls whom among them.
 *
 * @param options Window and limits.
 * @throws {coral.CoralError} `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as skills from "@coral/sdk/skills";
 *
 * const { data } = await skills.errorCorrelation({ window: "1h" });
 * for (const pair of data.pairs) console.log(pair.caller, pair.callee, pair.correlation);
 * ```
 */
export async function errorCorrelation(
  options: ErrorCorrelationOptions = {},
): Promise<
  SkillResult<{ services: { service: string; errorCount: number; errorRate: number }[]; pairs: FailingPair[] }>
> {
  checkOptions(options, "errorCorrelation", ["window", "warningRate", "criticalRate"]);
  const { window = "1h", warningRate = 0.01, criticalRate = 0.05 } = options;
  const answers = new Answers();
  const [minutes, shared, edges] = await Promise.all([
    answers.of(coral.db.query<{ minute: Date; service: string; requests: number; errors: number }>(
      `SELECT bucket_time AS minute, service_name AS service, request_count::DOUBLE AS requests,
         error_count::DOUBLE AS errors
       FROM service_summary WHERE ${within("bucket_time", window)} ORDER BY minute, service`,
    )),
    answers.of(coral.db.query<{ a: string; b: string; traces: number }>(
      `SELECT a.service_name AS a, b.service_name AS b, count(DISTINCT a.trace_id)::DOUBLE AS traces
       FROM trace_summary a JOIN trace_summary b ON a.trace_id = b.trace_id AND a.service_name < b.service_name
       WHERE a.has_error AND b.has_error AND ${within("a.start_time", window)} AND ${within("b.start_time", window)}
       GROUP BY ALL ORDER BY ALL`,
    )),
    answers.of(coral.db.query<{ caller: string; callee: string }>(
      `SELECT DISTINCT caller, callee FROM service_graph WHERE ${within("bucket_time", window)} ORDER BY ALL`,
    )),
  ]);
  const times = [...new Set(minutes.map(({ minute }) => minute.getTime()))];
  const rates = new Map<string, Map<number, number>>();
  const totals = new Map<string, [requests: number, errors: number]>();
  for (const { minute, service, requests, errors } of minutes) {
    if (!rates.has(service)) rates.set(service, new Map());
    rates.get(service)!.set(minute.getTime(), requests > 0 ? errors / requests : 0);
    const [before, failed] = totals.get(service) ?? [0, 0];
    totals.set(service, [before + requests, failed + errors]);
  }
  const services = [...totals].map(([service, [requests, errorCount]]) => (
    { service, errorCount, errorRate: requests > 0 ? errorCount / requests : 0 }
  )).sort((a, b) => b.errorRate - a.errorRate || (a.service < b.service ? -1 : 1));
  const failing = services.filter(({ errorRate }) => errorRate >= warningRate).map(({ service }) => service).sort();
  const pairs: FailingPair[] = [];
  failing.forEach((a, at) => {
    for (const b of failing.slice(at + 1)) {
      const [ratesA, ratesB] = [a, b].map((service) => times.map((time) => rates.get(service)!.get(time) ?? 0));
      const together = correlation(ratesA, ratesB);
      if (together === null || together < TOGETHER) continue;
      const calls = (caller: string, callee: string): boolean =>
        edges.some((edge) => edge.caller === caller && edge.callee === callee);
      const [caller, callee] = calls(b, a) && !calls(a, b) ? [b, a] : [a, b];
      pairs.push({
        caller,
        callee,
        calls: calls(caller, callee),
        correlation: rounded(together),
        sharedTraces: shared.find((each) => each.a === a && each.b === b)?.traces ?? 0,
      });
    }
  });
  pairs.sort((a, b) => Number(b.calls) - Number(a.calls) || b.correlation - a.correlation);
  const percent = (rate: number): string => withUnit(rate, "fraction");
  const [first] = pairs;
  return {
    summary: services.length === 0
      ? "no service answered a request"
      : failing.length === 0
      ? `no service fails in more than ${percent(warningRate)} of its requests`
      : first === undefined
      ? `${services[0].service} fails in ${percent(services[0].errorRate)} of its requests, no other service with it`
      : `${first.caller} and ${first.callee} fail together (r ${first.correlation})` +
        (first.calls ? `, and ${first.caller} calls ${first.callee}` : ""),
    status: worst(services.map(({ errorRate }) => judge(errorRate, warningRate, criticalRate))),
    data: { services, pairs },
    recommendations: pairs.length > 0
      ? pairs.slice(0, 3).map(({ caller, callee, calls }) =>
        calls
          ? `look at ${callee} first: its errors may be the cause of those of ${caller}`
          : `look for what ${caller} and ${callee} have in common: neither is known to call the other`
      )
      : failing.map((service) => `see what it logs: coral logs ${service} --severity error`),
    plots: failing.length === 0 ? [] : [{
      kind: "line",
      title: "Share of failed requests",
      unit: "fraction",
      time: true,
      series: failing.map((name) => ({
        name,
        points: times.map((time) => [time, rates.get(name)!.get(time) ?? null]),
      })),
    }],
    completeness: answers.completeness(),
  };
}
