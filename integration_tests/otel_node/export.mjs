// A service as any user would write it: OpenTelemetry for Node sends traces and metrics to an agent.
//
//   node export.mjs PROTOCOL COMPRESSION OTLP_GRPC OTLP_HTTP SERVICE REQUESTS ERRORS
//
// PROTOCOL is grpc, http/protobuf or http/json; COMPRESSION is gzip or none. Prints one JSON object,
// {"trace_ids": [...], "failed_exports": N}. CORAL_TEST_NODE_MODULES names the node_modules folder.

import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.env.CORAL_TEST_NODE_MODULES, "_"));
const { context, SpanKind, SpanStatusCode, trace } = require("@opentelemetry/api");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const { BatchSpanProcessor, NodeTracerProvider } = require("@opentelemetry/sdk-trace-node");
const { MeterProvider, PeriodicExportingMetricReader } = require("@opentelemetry/sdk-metrics");

const SUCCESS = 0; // ExportResultCode.SUCCESS of @opentelemetry/core

const [protocol, compression, otlpGrpc, otlpHttp, service, requests, errors] = process.argv.slice(2);

/** The exporter class for a signal, "trace" or "metrics", and the address it sends to. */
function exporter(signal) {
  const className = signal === "trace" ? "OTLPTraceExporter" : "OTLPMetricExporter";
  const suffix = { grpc: "grpc", "http/protobuf": "proto", "http/json": "http" }[protocol];
  const Exporter = require(`@opentelemetry/exporter-${signal}-otlp-${suffix}`)[className];
  const urlPath = signal === "trace" ? "v1/traces" : "v1/metrics";
  const url = protocol === "grpc" ? `http://${otlpGrpc}` : `http://${otlpHttp}/${urlPath}`;
  return counted(new Exporter({ url, compression, timeoutMillis: 20_000 }));
}

let failedExports = 0;

/** The same exporter; exports that the agent did not accept are counted. */
function counted(inner) {
  const send = inner.export.bind(inner);
  inner.export = (items, done) =>
    send(items, (result) => {
      if (result.code !== SUCCESS) {
        failedExports += 1;
        console.error(result.error);
      }
      done(result);
    });
  return inner;
}

const resource = resourceFromAttributes({
  "service.name": service,
  "service.instance.id": `${service}-1`,
});
const tracers = new NodeTracerProvider({
  resource,
  spanProcessors: [new BatchSpanProcessor(exporter("trace"), { maxExportBatchSize: 64 })],
});
const tracer = tracers.getTracer("integration-test", "1.0");

const traceIds = [];
for (let number = 0; number < Number(requests); number++) {
  const span = tracer.startSpan("GET /things/:id", {
    kind: SpanKind.SERVER,
    attributes: { "http.request.method": "GET", "http.route": "/things/:id", "test.number": number },
  });
  const inside = trace.setSpan(context.active(), span);
  tracer.startSpan("work", {}, inside).end();
  tracer.startSpan("SELECT things", { kind: SpanKind.CLIENT }, inside).end();
  if (number < Number(errors)) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: "asked to fail" });
  }
  span.end();
  traceIds.push(span.spanContext().traceId);
}

const meters = new MeterProvider({
  resource,
  readers: [
    new PeriodicExportingMetricReader({ exporter: exporter("metrics"), exportIntervalMillis: 3_600_000 }),
  ],
});
const meter = meters.getMeter("integration-test", "1.0");
meter.createCounter("test.things", { unit: "{thing}" }).add(3, { colour: "red" });
const histogram = meter.createHistogram("http.server.request.duration", { unit: "s" });
for (const seconds of [0.01, 0.02, 0.04]) {
  histogram.record(seconds, { "http.request.method": "GET", "http.route": "/things/:id" });
}

await tracers.forceFlush();
await meters.forceFlush();
await tracers.shutdown();
await meters.shutdown();
console.log(JSON.stringify({ trace_ids: traceIds, failed_exports: failedExports }));
