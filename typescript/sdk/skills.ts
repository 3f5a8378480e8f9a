/**
 * Recipes that answer a question whole: what was found, how it stands, what to do, and charts of it.
 *
 * Every skill answers a {@link SkillResult}. They are ordinary code over `@coral/sdk`, and are loaded by the scripts that
 * import them only.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 * import * as skills from "@coral/sdk/skills";
 *
 * const result = await skills.latencyReport();
 * console.log(result.status, result.summary);
 * for (const plot of result.plots) coral.plot.show(plot);
 * ```
 *
 * @module
 */

export { latencyReport } from "./skills/latency_report.ts";
export { errorCorrelation } from "./skills/error_correlation.ts";
export { slowTraces } from "./skills/slow_traces.ts";
export { memoryAgainstErrors } from "./skills/memory_errors.ts";
export { regression } from "./skills/regression.ts";
export { noisyNeighbour } from "./skills/noisy_neighbour.ts";
export { dependencyBlame } from "./skills/dependency_blame.ts";
export { sloBurn } from "./skills/slo_burn.ts";
export type { SkillResult, SkillStatus } from "./skills/result.ts";
export type { LatencyReportOptions, ServiceLatency } from "./skills/latency_report.ts";
export type { ErrorCorrelationOptions, FailingPair } from "./skills/error_correlation.ts";
export type { Cause, ExplainedTrace, PathStep, SlowTracesOptions } from "./skills/slow_traces.ts";
export type { MemoryErrorsMinute, MemoryErrorsOptions } from "./skills/memory_errors.ts";
export type { Compared, Measured, RegressionOptions } from "./skills/regression.ts";
export type { BusyHost, NoisyNeighbourOptions } from "./skills/noisy_neighbour.ts";
export type { Dependency, DependencyBlameOptions } from "./skills/dependency_blame.ts";
export type { Burn, SloBurnOptions } from "./skills/slo_burn.ts";
