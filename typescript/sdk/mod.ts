/**
 * Ask a Coral colony about services, latency, traces, logs, functions and hosts.
 *
 * Run scripts with `coral run FILE`; it tells the SDK where the colony is. In a program of your own, `connect` does.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * for (const service of await coral.services.list()) {
 *   console.log(service.name, await service.metrics.getP99Ms(), "ms");
 * }
 * ```
 *
 * @module
 */

export * as services from "./services.ts";
export * as metrics from "./metrics.ts";
export * as traces from "./traces.ts";
export * as logs from "./logs.ts";
export * as functions from "./functions.ts";
export * as system from "./system.ts";
export * as db from "./db.ts";
export * as events from "./events.ts";
export { emit, heartbeat } from "./emit.ts";
export { mode, params } from "./params.ts";
export { defineParams } from "./declared_params.ts";
export { durationMs } from "./duration.ts";
export { connect } from "./connect.ts";
export { output } from "./output.ts";
export { table } from "./table.ts";
export * as plot from "./plot.ts";
export { assert, threshold } from "./checks.ts";
export type { Mode, Params } from "./params.ts";
export type {
  BooleanParam,
  DurationParam,
  JsonParam,
  KnownKeys,
  NumberParam,
  OrderedParam,
  OrderedSpec,
  ParamBasics,
  ParamKeys,
  ParamSpec,
  ParamValue,
  ParamValues,
  StringParam,
} from "./declared_params.ts";
export type { ConnectOptions } from "./connect.ts";
export type { Bounds } from "./checks.ts";
export type { BarChart, Chart, HeatmapChart, LineChart, LineSeries, SparkChart, TableChart, Unit } from "./charts.ts";
export type { BarOptions, HeatmapData, LineOptions, PlotOptions, PlotRow, Point, Points } from "./plot.ts";
export type { TableOptions } from "./table.ts";
export type { EmitOptions } from "./emit.ts";
export type { EventQuery, ScriptEvent } from "./events.ts";
export type { Severity } from "./severity.ts";
export { CoralError, NoDataError } from "./errors.ts";
export type { CoralErrorDetails, NoDataSubject } from "./errors.ts";
export type { Completeness, Listing } from "./completeness.ts";
export type { DurationInput } from "./duration.ts";
export type { CallOptions, WindowOptions } from "./call_options.ts";
export type {
  Instance,
  Metrics,
  ServiceFunctions,
  ServiceHandle,
  ServiceLogs,
  ServiceMetrics,
  ServiceTraces,
  WithoutService,
} from "./handles.ts";
export type { Histogram, HistogramBucket, HistogramOptions, Series, SeriesOptions, SeriesPoint } from "./series.ts";
export type { FunctionQuery, ServiceFunction } from "./functions.ts";
export type { LogLevel, LogQuery, LogRecord } from "./logs.ts";
export type { SlowTraceOptions, TraceQuery, TraceSummary } from "./traces.ts";
