import * as coral from "../mod.ts";
import { withUnit } from "../draw/text.ts";
import { Answers, checkOptions, correlation, rounded, type SkillResult, within } from "./result.ts";

/** Options of {@link memoryAgainstErrors}. */
export interface MemoryErrorsOptions {
  /** How far to look back. Default: `"1h"`. */
  window?: coral.DurationInput;
  /** Only errors of this service. Default: of all services together. */
  service?: string;
  /** Only memory of the host of this agent. Default: of all hosts together. */
  agent?: string;
  /** Correlation from which both are held to be related. Default: 0.7. */
  related?: number;
  /** Memory use from which a relation is critical, a fraction. Default: 0.9. */
  criticalMemory?: number;
}

/** One minute. */
export interface MemoryErrorsMinute {
  /** Its beginning. */
  time: Date;
  /** Memory in use, a fraction of what is installed. */
  memory: number;
  /** The share of requests that failed, from 0 to 1. */
  errorRate: number;
}

/**
 * Whether errors rise when memory does.
 *
 * @param options Which hosts and services, and since when.
 * @throws {coral.CoralError} `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as skills from "@coral/sdk/skills";
 *
 * const { summary, data } = await skills.memoryAgainstErrors({ window: "2h" });
 * console.log(summary, data.correlation);
 * ```
 */
export async function memoryAgainstErrors(
  options: MemoryErrorsOptions = {},
): Promise<SkillResult<{ correlation: number | null; minutes: MemoryErrorsMinute[] }>> {
  checkOptions(options, "memoryAgainstErrors", ["window", "service", "agent", "related", "criticalMemory"]);
  const { window = "1h", service, agent, related = 0.7, criticalMemory = 0.9 } = options;
  const answers = new Answers();
  const minutes = await answers.of(coral.db.query<MemoryErrorsMinute>(
    `WITH hosts AS (
       SELECT bucket_time, sum(mem_used)::DOUBLE / sum(mem_total) AS memory FROM system_metrics_rollup
       WHERE ${within("bucket_time", window)} AND ($agent::VARCHAR IS NULL OR agent_id = $agent::VARCHAR)
       GROUP BY bucket_time HAVING sum(mem_total) > 0
     ), requests AS (
       SELECT bucket_time, sum(error_count)::DOUBLE / sum(request_count) AS error_rate FROM service_summary
       WHERE ${within("bucket_time", window)} AND ($service::VARCHAR IS NULL OR service_name = $service::VARCHAR)
       GROUP BY bucket_time HAVING sum(request_count) > 0
     )
     SELECT bucket_time AS "time", memory, error_rate AS "errorRate" FROM hosts JOIN requests USING (bucket_time)
     ORDER BY bucket_time`,
    { agent: agent ?? null, service: service ?? null },
  ));
  const found = correlation(minutes.map(({ memory }) => memory), minutes.map(({ errorRate }) => errorRate));
  const r = found === null ? null : rounded(found);
  const last = minutes.at(-1);
  const failing = minutes.some(({ errorRate }) => errorRate > 0);
  const isRelated = r !== null && r >= related && failing;
  const of = service === undefined ? "" : ` of ${service}`;
  const percent = (value: number): string => withUnit(value, "fraction");
  const line = (title: string, value: (minute: MemoryErrorsMinute) => number): coral.LineChart => ({
    kind: "line",
    title,
    unit: "fraction",
    time: true,
    series: [{ name: title, points: minutes.map((minute) => [minute.time.getTime(), value(minute)]) }],
  });
  return {
    summary: minutes.length < 3
      ? "fewer than three minutes have both requests and memory"
      : !failing
      ? `no errors${of}, with memory at ${percent(last!.memory)}`
      : r === null
      ? `memory stood at ${percent(last!.memory)} or the share of errors${of} did not change`
      : `errors${of} and memory ${isRelated ? "rise together" : "do not rise together"} (r ${r}), memory is at ` +
        percent(last!.memory),
    status: minutes.length < 3
      ? "no-data"
      : !isRelated
      ? "ok"
      : last!.memory >= criticalMemory
      ? "critical"
      : "warning",
    data: { correlation: r, minutes: [...minutes] },
    recommendations: isRelated
      ? [
        "look for a leak: memory that only falls when a process restarts",
        "raise the memory limit, or lower caches and concurrency, and see whether the errors go away",
      ]
      : [],
    plots: [line("Memory in use", ({ memory }) => memory), line("Failed requests", ({ errorRate }) => errorRate)],
    completeness: answers.completeness(),
  };
}
