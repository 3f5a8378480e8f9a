import type { CallOptions } from "./call_options.ts";
import type { Listing } from "./completeness.ts";
import type { DurationInput } from "./duration.ts";
import * as functions from "./functions.ts";
import type { Service } from "./gen/coral/colony/v1/query_pb.ts";
import * as logs from "./logs.ts";
import * as metrics from "./metrics.ts";
import * as traces from "./traces.ts";
import { dateOf } from "./wire_time.ts";

/** The functions of `coral.metrics`. */
export type Metrics = typeof metrics;

/** A function without its first parameter, the service. */
// deno-lint-ignore no-explicit-any -- only `any` matches every parameter list here
export type WithoutService<F> = F extends (service: string, ...rest: infer Rest extends any[]) => infer Answer
  ? (...rest: Rest) => Answer
  : never;

/** The functions of `coral.metrics` with the service bound: `service.metrics.getP99()`. */
export type ServiceMetrics = { readonly [K in keyof Metrics]: WithoutService<Metrics[K]> };

/** The functions of `coral.traces` with the service bound. */
export interface ServiceTraces {
  /** Lists this service's part of traces, newest first; see `coral.traces.query`. */
  query(filter?: Omit<traces.TraceQuery, "service">): Promise<Listing<traces.TraceSummary>>;
  /** Lists the service's slow traces, slowest first; see `coral.traces.findSlow`. */
  findSlow(threshold: DurationInput, options?: traces.SlowTraceOptions): Promise<Listing<traces.TraceSummary>>;
}

/** The functions of `coral.logs` with the service bound. */
export interface ServiceLogs {
  /** Lists the service's log records, newest first; see `coral.logs.query`. */
  query(filter?: Omit<logs.LogQuery, "service">): Promise<Listing<logs.LogRecord>>;
}

/** The functions of `coral.functions` with the service bound. */
export interface ServiceFunctions {
  /** Lists the functions of the service's program by name; see `coral.functions.list`. */
  list(options?: functions.FunctionQuery): Promise<Listing<functions.ServiceFunction>>;
  /** One function of the service's program; see `coral.functions.get`. */
  get(name: string, options?: CallOptions): Promise<functions.ServiceFunction>;
}

/** An instance of a service (a process, a pod), as it last described itself. */
export interface Instance {
  /** Its id (OpenTelemetry's `service.instance.id`); empty where it has none. */
  id: string;
  /** The id of the agent that saw it. */
  agent: string;
  /** Its resource attributes. */
  attributes: Record<string, unknown>;
  /** When it was last seen. */
  lastSeen: Date;
}

/** A service, with the questions that can be asked about it. */
export interface ServiceHandle {
  /** The service's name (OpenTelemetry's `service.name`). */
  readonly name: string;
  /** When data of it were last received. */
  readonly lastSeen: Date;
  /** How many instances of it were seen; at least 1. */
  readonly instanceCount: number;
  /** Its latency, errors and traffic. Not enumerable. */
  readonly metrics: ServiceMetrics;
  /** Its traces. Not enumerable. */
  readonly traces: ServiceTraces;
  /** Its log records. Not enumerable. */
  readonly logs: ServiceLogs;
  /** The functions of its program. Not enumerable. */
  readonly functions: ServiceFunctions;
}

/** @internal The handle of a service. */
export function handleOf(service: Service): ServiceHandle {
  const { name, instanceCount } = service;
  const handle = { name, lastSeen: dateOf(service.lastSeen), instanceCount };
  // Not enumerable, so that printing a handle shows the service and not these functions.
  return Object.defineProperties(handle, {
    metrics: { value: metricsOf(name) },
    traces: { value: tracesOf(name) },
    logs: { value: logsOf(name) },
    functions: { value: functionsOf(name) },
  }) as ServiceHandle;
}

function metricsOf(service: string): ServiceMetrics {
  type Ask = (service: string, ...rest: unknown[]) => unknown;
  const bound = Object.entries(metrics).map(([name, ask]) => [name, (ask as Ask).bind(undefined, service)]);
  return Object.fromEntries(bound);
}

function tracesOf(service: string): ServiceTraces {
  return {
    query: (filter = {}) => traces.query({ ...filter, service }),
    findSlow: (threshold, options) => traces.findSlow(service, threshold, options),
  };
}

function logsOf(service: string): ServiceLogs {
  return { query: (filter = {}) => logs.query({ ...filter, service }) };
}

function functionsOf(service: string): ServiceFunctions {
  return {
    list: (options) => functions.list(service, options),
    get: (name, options) => functions.get(service, name, options),
  };
}
