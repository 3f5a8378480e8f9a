import * as coral from "../mod.ts";
import { withUnit } from "../draw/text.ts";
import { Answers, checkOptions, correlation, listed, rounded, type SkillResult, within, worst } from "./result.ts";

const TOGETHER = 0.7;

/** Options of {@link noisyNeighbour}. */
export interface NoisyNeighbourOptions {
  /** How far to look back. Default: `"1h"`. */
  window?: coral.DurationInput;
  /** CPU use of a minute from which a host is busy, percent. Default: 80. */
  busyPct?: number;
}

/** A host that was busy, and what was going on there. */
export interface BusyHost {
  /** The id of its agent. */
  agent: string;
  /** CPU use of its busiest minute, percent. */
  peakCpuPct: number;
  /** Minutes in which it was busy. */
  busyMinutes: number;
  /** Services on it whose requests rise and fall with its CPU, and how much (Pearson, from 0.7 to 1). */
  noisy: {
    /** The service. */
    service: string;
    /** The coefficient. */
    correlation: number;
  }[];
  /** Services on it whose P99 does while their own requests do not. */
  suffering: {
    /** The service. */
    service: string;
    /** The coefficient. */
    correlation: number;
  }[];
}

/**
 * Which service keeps a host busy, and which others there get slow by it.
 *
 * @param options Window, and when a host is busy.
 * @throws {coral.CoralError} `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as skills from "@coral/sdk/skills";
 *
 * const { data } = await skills.noisyNeighbour({ window: "2h" });
 * for (const host of data.hosts) console.log(host.agent, host.noisy, host.suffering);
 * ```
 */
export async function noisyNeighbour(
  options: NoisyNeighbourOptions = {},
): Promise<SkillResult<{ hosts: BusyHost[] }>> {
  checkOptions(options, "noisyNeighbour", ["window", "busyPct"]);
  const { window = "1h", busyPct = 80 } = options;
  const answers = new Answers();
  const [cpu, minutes, places] = await Promise.all([
    answers.of(coral.db.query<{ time: Date; agent: string; cpu: number }>(
      `SELECT bucket_time AS "time", agent_id AS agent, cpu_pct AS cpu FROM system_metrics_rollup
       WHERE ${within("bucket_time", window)} ORDER BY ALL`,
    )),
    answers.of(coral.db.query<{ time: Date; service: string; requests: number; p99: number | null }>(
      `SELECT bucket_time AS "time", service_name AS service, request_count::DOUBLE AS requests, p99_ms AS p99
       FROM service_summary WHERE ${within("bucket_time", window)} ORDER BY ALL`,
    )),
    answers.of(coral.db.query<{ agent: string; service: string }>(
      `SELECT DISTINCT agent_id AS agent, service_name AS service FROM resources_local
       WHERE ${within("last_seen", window)} ORDER BY ALL`,
    )),
  ]);
  const hosts = new Map<string, Map<number, number>>();
  for (const { time, agent, cpu: used } of cpu) {
    if (!hosts.has(agent)) hosts.set(agent, new Map());
    hosts.get(agent)!.set(time.getTime(), used);
  }
  const busy: BusyHost[] = [];
  for (const [agent, used] of hosts) {
    const peakCpuPct = [...used.values()].reduce((a, b) => Math.max(a, b), 0);
    if (peakCpuPct < busyPct) continue;
    const host: BusyHost = {
      agent,
      peakCpuPct: rounded(peakCpuPct, 1),
      busyMinutes: [...used.values()].filter((value) => value >= busyPct).length,
      noisy: [],
      suffering: [],
    };
    for (const { service } of places.filter((place) => place.agent === agent)) {
      const own = minutes.filter((minute) => minute.service === service && used.has(minute.time.getTime()));
      const against = (value: (minute: typeof own[number]) => number): number => {
        return correlation(own.map(({ time }) => used.get(time.getTime())!), own.map(value)) ?? 0;
      };
      const [requests, latency] = [against((minute) => minute.requests), against((minute) => minute.p99 ?? 0)];
      if (requests >= TOGETHER) host.noisy.push({ service, correlation: rounded(requests) });
      else if (latency >= TOGETHER) host.suffering.push({ service, correlation: rounded(latency) });
    }
    for (const list of [host.noisy, host.suffering]) list.sort((a, b) => b.correlation - a.correlation);
    busy.push(host);
  }
  busy.sort((a, b) => b.suffering.length - a.suffering.length || b.peakCpuPct - a.peakCpuPct);
  const names = (list: BusyHost["noisy"]): string => listed(list.map(({ service }) => service));
  const told = busy.find(({ noisy, suffering }) => noisy.length > 0 && suffering.length > 0);
  return {
    summary: hosts.size === 0
      ? "no host has sent anything"
      : busy.length === 0
      ? `no host used more than ${withUnit(busyPct, "percent")} of its CPU`
      : told === undefined
      ? `${busy[0].agent} was busy (${withUnit(busy[0].peakCpuPct, "percent")} CPU), and no service got slow by another`
      : `${names(told.noisy)} keeps ${told.agent} busy (${withUnit(told.peakCpuPct, "percent")} CPU), and ` +
        `${names(told.suffering)} gets slow by it`,
    status: hosts.size === 0 ? "no-data" : worst([
      "ok",
      ...busy.map(({ noisy, suffering }) => noisy.length * suffering.length > 0 ? "critical" : "warning"),
    ]),
    data: { hosts: busy },
    recommendations: told === undefined ? [] : [
      `move ${names(told.noisy)} away from ${told.agent}, or limit its CPU`,
      `give ${names(told.suffering)} a share of CPU that is its own`,
    ],
    plots: busy.slice(0, 4).map(({ agent }) => ({
      kind: "line" as const,
      title: `CPU of ${agent}`,
      unit: "percent",
      time: true,
      series: [{ name: agent, points: [...hosts.get(agent)!] }],
    })),
    completeness: answers.completeness(),
  };
}
