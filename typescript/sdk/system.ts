/**
 * CPU and memory of the hosts that agents run on.
 *
 * Under `coral run` the default is all hosts together.
 *
 * @module
 */

import { checkService } from "./arguments.ts";
import { type CallOptions, callOptions } from "./call_options.ts";
import { type Completeness, completenessOf } from "./completeness.ts";
import { call } from "./connection.ts";
import { describeDuration, type DurationInput, parseDuration } from "./duration.ts";
import { orNoData } from "./errors.ts";
import type { GetSystemMetricsResponse } from "./gen/coral/colony/v1/query_pb.ts";
import { dateOf } from "./wire_time.ts";

/** Which hosts to look at. */
export interface SystemOptions extends CallOptions {
  /** Only hosts whose agent saw this service. Default: all. */
  service?: string;
  /** Only the host of this agent, by its id. Default: all. */
  agent?: string;
  /** How far to look back. Default: `"5m"`. */
  window?: DurationInput;
}

/** CPU use of one host. */
export interface HostCPU {
  /** The id of the agent on it. */
  agent: string;
  /** Mean use over all cores and the window, percent from 0 to 100. */
  usagePct: number;
  /** When it was last sampled. */
  lastSample: Date;
}

/** CPU use of the selected hosts. */
export interface CPU {
  /** Mean use over the hosts and the window, percent from 0 to 100. */
  usagePct: number;
  /** Each host, by the id of its agent. */
  hosts: HostCPU[];
  /** How complete the figures are. */
  completeness: Completeness;
}

/** Memory of one host. */
export interface HostMemory {
  /** The id of the agent on it. */
  agent: string;
  /** In use (total minus available), bytes. */
  used: number;
  /** Installed, bytes. */
  total: number;
  /** used / total, percent from 0 to 100. */
  usagePct: number;
  /** When it was last sampled. */
  lastSample: Date;
}

/** Memory of the selected hosts. */
export interface Memory {
  /** In use (total minus available), bytes, summed over the hosts. */
  used: number;
  /** Installed, bytes, summed over the hosts. */
  total: number;
  /** used / total, percent from 0 to 100. */
  usagePct: number;
  /** Each host, by the id of its agent. */
  hosts: HostMemory[];
  /** How complete the figures are. */
  completeness: Completeness;
}

/**
 * CPU use.
 *
 * @param options Which hosts; none means all of them.
 * @throws {NoDataError} No selected host was sampled in the window.
 * @throws {CoralError} `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const cpu = await coral.system.getCPU({ service: "payments" });
 * console.log(`${cpu.usagePct.toFixed(0)} % of ${cpu.hosts.length} hosts`);
 * ```
 */
export async function getCPU(options: SystemOptions = {}): Promise<CPU> {
  const answer = await ask(options, "system.cpu");
  return {
    usagePct: answer.total?.cpuPct ?? 0,
    hosts: answer.agents.map((host) => ({
      agent: host.agentId,
      usagePct: host.cpuPct,
      lastSample: dateOf(host.lastSampleTime),
    })),
    completeness: completenessOf(answer.completeness),
  };
}

/**
 * Memory use.
 *
 * @param options Which hosts; none means all of them.
 * @throws {NoDataError} No selected host was sampled in the window.
 * @throws {CoralError} `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const memory = await coral.system.getMemory();
 * console.log(`${((memory.used / memory.total) * 100).toFixed(0)} % in use`);
 * ```
 */
export async function getMemory(options: SystemOptions = {}): Promise<Memory> {
  const answer = await ask(options, "system.memory");
  const hosts = answer.agents.map((host) => ({
    agent: host.agentId,
    ...memoryOf(host.memUsedBytes, host.memTotalBytes),
    lastSample: dateOf(host.lastSampleTime),
  }));
  const { memUsedBytes = 0n, memTotalBytes = 0n } = answer.total ?? {};
  return { ...memoryOf(memUsedBytes, memTotalBytes), hosts, completeness: completenessOf(answer.completeness) };
}

async function ask(options: SystemOptions, metric: string): Promise<GetSystemMetricsResponse> {
  const how = callOptions(options, "system", ["service", "agent", "window"]);
  const { service, agent, window = "5m" } = options;
  if (service !== undefined) checkService(service);
  const request = { service, agentId: agent, window: parseDuration(window, "window") };
  return await orNoData(call("getSystemMetrics", request, how), { service, metric, window: describeDuration(window) });
}

function memoryOf(usedBytes: bigint, totalBytes: bigint): { used: number; total: number; usagePct: number } {
  const [used, total] = [Number(usedBytes), Number(totalBytes)];
  return { used, total, usagePct: (used / total) * 100 };
}
