import * as coral from "../mod.ts";
import { withUnit } from "../draw/text.ts";
import { Answers, checkOptions, counted, rounded, type SkillResult, within } from "./result.ts";

const LATENCY_SHARE = 0.5;

/** Options of {@link dependencyBlame}. */
export interface DependencyBlameOptions {
  /** The service that fails or is slow. */
  service: string;
  /** How far to look back. Default: `"1h"`. */
  window?: coral.DurationInput;
  /** Share of failed calls from which a dependency is to blame. Default: 0.01. */
  warningRate?: number;
  /** Share from which that is critical. Default: 0.05. */
  criticalRate?: number;
}

/** All calls from one service to another. */
export interface Dependency {
  /** Who calls. */
  caller: string;
  /** Who is called. */
  callee: string;
  /** How far from the service in question: 1 for what it calls itself. */
  depth: number;
  /** Calls. */
  requestCount: number;
  /** The share that failed, from 0 to 1. */
  errorRate: number;
  /** P99 of the slowest minute, milliseconds. */
  worstP99Ms: number;
  /** Why it is to blame, or null. */
  blame: "errors" | "latency" | null;
}

/**
 * Which dependency makes a service fail or slow: the service graph, followed down to where it begins.
 *
 * A dependency is to blame when its calls fail, or when its slowest P99 is at least half of that of the service. The
 * culprit is the one that is to blame while nothing below it is.
 *
 * @param options The service, window and limits.
 * @throws {coral.CoralError} `INVALID_ARGUMENT`, `UNREACHABLE`, `TIMEOUT`, `NO_CONNECTION`.
 *
 * @example
 * ```ts
 * import * as skills from "@coral/sdk/skills";
 *
 * const { data } = await skills.dependencyBlame({ service: "frontend" });
 * console.log(data.culprit?.callee ?? "none");
 * ```
 */
export async function dependencyBlame(
  options: DependencyBlameOptions,
): Promise<SkillResult<{ culprit: Dependency | null; dependencies: Dependency[] }>> {
  checkOptions(options, "dependencyBlame", ["service", "window", "warningRate", "criticalRate"]);
  const { service, window = "1h", warningRate = 0.01, criticalRate = 0.05 } = options;
  const answers = new Answers();
  type Edge = { caller: string; callee: string; requests: number; errors: number; p99: number };
  const [edges, own] = await Promise.all([
    answers.of(coral.db.query<Edge>(
      `SELECT caller, callee, sum(request_count)::DOUBLE AS requests, sum(error_count)::DOUBLE AS errors,
         max(p99_ms) AS p99
       FROM service_graph WHERE ${within("bucket_time", window)} AND caller <> callee
       GROUP BY ALL ORDER BY caller, callee`,
    )),
    answers.of(coral.db.query<{ p99: number | null }>(
      `SELECT max(p99_ms) AS p99 FROM service_summary
       WHERE ${within("bucket_time", window)} AND service_name = $service`,
      { service },
    )),
  ]);
  const ownP99 = own[0]?.p99 ?? null;
  const dependencies: Dependency[] = [];
  const reached = new Set([service]);
  let callers = [service];
  for (let depth = 1; callers.length > 0; depth++) {
    const below = edges.filter(({ caller }) => callers.includes(caller));
    for (const { caller, callee, requests, errors, p99 } of below) {
      const errorRate = requests > 0 ? errors / requests : 0;
      const isSlow = ownP99 !== null && ownP99 > 0 && p99 >= ownP99 * LATENCY_SHARE;
      const blame = errorRate >= warningRate ? "errors" : isSlow ? "latency" : null;
      dependencies.push({ caller, callee, depth, requestCount: requests, errorRate, worstP99Ms: rounded(p99), blame });
    }
    callers = [...new Set(below.map(({ callee }) => callee))].filter((callee) => !reached.has(callee));
    for (const callee of callers) reached.add(callee);
  }
  const culprit = followed(service, dependencies);
  const chain = culprit === null ? [] : chainTo(service, culprit, dependencies);
  const failing = culprit?.blame === "errors";
  return {
    summary: dependencies.length === 0
      ? ownP99 === null ? `no request of ${service} is known` : `${service} calls nobody`
      : culprit === null
      ? `none of ${
        counted(dependencies.length, "dependency").replace("dependencys", "dependencies")
      } of ${service} is to blame`
      : failing
      ? `${culprit.callee} is to blame: ${
        withUnit(culprit.errorRate, "fraction")
      } of the calls of ${culprit.caller} fail`
      : `${culprit.callee} is to blame: P99 of the calls of ${culprit.caller} reached ${
        withUnit(culprit.worstP99Ms, "ms")
      }`,
    status: dependencies.length === 0 && ownP99 === null
      ? "no-data"
      : culprit === null
      ? "ok"
      : failing && culprit.errorRate >= criticalRate
      ? "critical"
      : "warning",
    data: { culprit, dependencies },
    recommendations: culprit === null ? [] : [
      `look at ${culprit.callee} first: ${chain.join(" → ")}`,
      failing
        ? `let ${culprit.caller} do without it: a limit of time, retries with a budget, a circuit breaker`
        : `see where its time goes: skills.slowTraces({ service: "${culprit.callee}" })`,
    ],
    plots: [{
      kind: "table",
      title: `What ${service} depends on`,
      columns: [
        { name: "caller" },
        { name: "callee" },
        { name: "calls" },
        { name: "errors", unit: "fraction" },
        { name: "worst P99", unit: "ms" },
        { name: "blame" },
      ],
      rows: dependencies.map((each) => [
        each.caller,
        each.callee,
        each.requestCount,
        each.errorRate,
        each.worstP99Ms,
        each.blame,
      ]),
    }],
    completeness: answers.completeness(),
  };
}

/** Follows blame down from the service; of several dependencies the one that fails most, then the slowest. */
function followed(service: string, dependencies: readonly Dependency[]): Dependency | null {
  let found: Dependency | null = null;
  const passed = new Set<string>();
  for (let at = service; !passed.has(at); at = found!.callee) {
    passed.add(at);
    const next = dependencies.filter(({ caller, blame, callee }) =>
      caller === at && blame !== null && !passed.has(callee)
    )
      .sort((a, b) =>
        Number(b.blame === "errors") - Number(a.blame === "errors") || b.errorRate - a.errorRate ||
        b.worstP99Ms - a.worstP99Ms
      )[0];
    if (next === undefined || found?.blame === "errors" && next.blame !== "errors") return found;
    found = next;
  }
  return found;
}

function chainTo(service: string, culprit: Dependency, dependencies: readonly Dependency[]): string[] {
  const chain = [culprit.callee, culprit.caller];
  while (chain[chain.length - 1] !== service) {
    const last = chain[chain.length - 1];
    const above = dependencies.find(({ callee, caller }) => callee === last && !chain.includes(caller));
    if (above === undefined) break;
    chain.push(above.caller);
  }
  return chain.reverse();
}
