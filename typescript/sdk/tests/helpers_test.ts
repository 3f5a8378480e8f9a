import assert from "node:assert/strict";
import * as coral from "../mod.ts";
import { LogSeverity, SpanKind, SpanStatus, TraceStatus } from "../gen/coral/colony/v1/query_pb.ts";
import { type Answers, Code, connect, failure, serve } from "./server.ts";

/** Runs a test against a server with these answers. */
function asking(name: string, answers: Answers, test: () => Promise<void>): void {
  Deno.test(name, async () => {
    await using server = await serve(answers);
    connect(server.address);
    await test();
  });
}

const at = { seconds: 1_790_000_000n, nanos: 250_000_000 };
const window = { start: { seconds: 1_790_000_000n }, end: { seconds: 1_790_000_360n } };

asking("a percentile is nanoseconds as a plain number", {
  getPercentile: (request) => {
    assert.equal(request.service, "payments");
    assert.equal(request.metric, "http.server.duration");
    assert.equal(request.window?.seconds, 300n);
    return { value: request.percentile * 1e9, unit: "ns", sampleCount: 10n };
  },
}, async () => {
  const { metrics } = coral;
  assert.equal(await metrics.getPercentile("payments", "http.server.duration", 0.25), 250_000_000);
  assert.equal(await metrics.getP50("payments"), 500_000_000);
  assert.equal(await metrics.getP95("payments"), 950_000_000);
  assert.equal(await metrics.getP99("payments"), 990_000_000);
  assert.deepEqual(
    await Promise.all([metrics.getP50Ms("payments"), metrics.getP95Ms("payments"), metrics.getP99Ms("payments")]),
    [500, 950, 990],
  );
});

asking("a percentile of what is no duration keeps its unit", {
  getPercentile: () => ({ value: 512, unit: "By", sampleCount: 1n }),
}, async () => {
  assert.equal(await coral.metrics.getPercentile("payments", "body.size", 0.5), 512);
  await assert.rejects(coral.metrics.getP50Ms("payments", "body.size"), { reason: "INVALID_ARGUMENT" });
});

asking("errors and traffic come from one answer", {
  getErrorRate: (request) => {
    assert.equal(request.window?.seconds, 900n);
    return { errorRate: 0.25, requestCount: 720n, errorCount: 180n, window, completeness: { missingAgents: ["b"] } };
  },
}, async () => {
  const requests = await coral.metrics.getRequests("orders", "15m");
  assert.equal(requests.requestCount, 720);
  assert.equal(requests.errorCount, 180);
  assert.equal(requests.window.end.getTime() - requests.window.start.getTime(), 360_000);
  assert.deepEqual(requests.completeness.missingAgents, ["b"]);
  assert.equal(await coral.metrics.getErrorRate("orders", "15m"), 0.25);
  assert.equal(await coral.metrics.getRequestCount("orders", "15m"), 720);
  assert.equal(await coral.metrics.getRequestRate("orders", 900_000), 2);
});

asking("a series has every step, and null where nothing happened", {
  getSeries: (request) => {
    assert.deepEqual([request.service, request.metric], ["payments", "http.server.duration"]);
    assert.deepEqual([request.window?.seconds, request.step?.seconds], [3600n, 120n]);
    return {
      points: [
        {
          startTime: { seconds: 1_790_000_040n },
          requestCount: 240n,
          errorCount: 60n,
          errorRate: 0.25,
          p50: 0,
          p99: 2e9,
        },
        { startTime: { seconds: 1_790_000_160n } },
        { startTime: { seconds: 1_790_000_280n }, requestCount: 30n, errorRate: 0, p50: 1e6, p95: 2e6, p99: 3e6 },
      ],
      step: { seconds: 120n },
      unit: "ns",
      window: { start: { seconds: 1_790_000_040n }, end: { seconds: 1_790_000_340n } },
      completeness: { missingAgents: ["b"], notes: ["steps are longer"] },
    };
  },
}, async () => {
  const series = await coral.metrics.series("payments", undefined, { step: "2m" });
  assert.deepEqual([series.length, series.stepMs, Object.keys(series).length], [3, 120_000, 3]);
  assert.deepEqual(series.completeness.missingAgents, ["b"]);
  const [full, empty, last] = series;
  assert.deepEqual([full.requestRate, full.errorRate, full.p50, full.p95, full.p99Ms], [2, 0.25, 0, null, 2000]);
  assert.deepEqual(
    [empty.requestCount, empty.requestRate, empty.errorRate, empty.p50, empty.p50Ms, empty.p99],
    [0, 0, null, null, null, null],
  );
  assert.equal(last.end.getTime() - last.start.getTime(), 60_000);
  assert.deepEqual([last.requestRate, last.errorRate], [0.5, 0]);
  await assert.rejects(coral.metrics.series("payments", "m", { step: "0s" }), { reason: "INVALID_ARGUMENT" });
});

asking("a histogram has bounds in nanoseconds", {
  getHistogram: (request) => {
    assert.deepEqual([request.window?.seconds, request.maxBuckets], [300n, 3]);
    return {
      buckets: [{ lower: 0, upper: 2 }, { lower: 2, upper: 4, count: 7n }],
      sampleCount: 7n,
      smallest: 3,
      largest: 4,
      window,
    };
  },
  listServices: () => ({ services: [{ name: "payments" }] }),
}, async () => {
  const found = await (await coral.services.get("payments")).metrics.histogram(undefined, { buckets: 3 });
  assert.deepEqual(found.buckets, [{ lower: 0, upper: 2, count: 0 }, { lower: 2, upper: 4, count: 7 }]);
  assert.deepEqual([found.count, found.min, found.max], [7, 3, 4]);
  assert.equal(found.window.end.getTime() - found.window.start.getTime(), 360_000);
  await assert.rejects(coral.metrics.histogram("payments", "m", { buckets: 0 }), { reason: "INVALID_ARGUMENT" });
});

asking("no data in a series or histogram is an error", {
  getSeries: () => {
    throw failure(Code.NotFound, "NO_DATA", "no data for it");
  },
  getHistogram: () => {
    throw failure(Code.NotFound, "NO_DATA", "no data for it");
  },
}, async () => {
  const subject = { name: "NoDataError", service: "idle", metric: "http.server.duration" };
  await assert.rejects(coral.metrics.series("idle"), { ...subject, window: "1h" });
  await assert.rejects(coral.metrics.histogram("idle"), { ...subject, window: "5m" });
});

asking("services come as handles, over all pages", {
  listServices: ({ pageToken }) =>
    pageToken === ""
      ? { services: [{ name: "orders", lastSeen: at, instanceCount: 2 }], nextPageToken: "more" }
      : { services: [{ name: "payments", lastSeen: at, instanceCount: 1 }] },
  getPercentile: ({ service }) => ({ value: service === "payments" ? 892e6 : 456e6, unit: "ns" }),
  findSlowTraces: ({ service }) => ({ traces: [{ traceId: "a".repeat(32), serviceName: service, duration: at }] }),
  queryTraces: ({ service, status }) => {
    assert.equal(status, TraceStatus.ERROR);
    return { traces: [{ traceId: "b".repeat(32), serviceName: service }] };
  },
}, async () => {
  const services = await coral.services.list();
  assert.deepEqual(services.map((service) => service.name), ["orders", "payments"]);
  assert.equal(services[0].instanceCount, 2);
  assert.equal(services[0].lastSeen.getTime(), 1_790_000_000_250);
  assert.deepEqual(Object.keys(services[0]), ["name", "lastSeen", "instanceCount"]);

  const payments = await coral.services.get("payments");
  assert.equal(await payments.metrics.getP99(), 892e6);
  assert.equal(await payments.metrics.getPercentile("http.server.duration", 0.5, "1h"), 892e6);
  assert.equal((await payments.traces.findSlow("500ms"))[0].serviceName, "payments");
  assert.equal((await payments.traces.query({ status: "error" }))[0].serviceName, "payments");
  await assert.rejects(coral.services.get("paymentz"), {
    reason: "NOT_FOUND",
    hint: "it knows orders, payments",
  });
});

asking("traces page up to the limit and say that there were more", {
  queryTraces: (request) => {
    assert.equal(request.service, "payments");
    assert.equal(request.minDuration?.nanos, 500_000_000);
    assert.equal(request.maxDuration, undefined);
    assert.equal(request.window?.seconds, 3600n);
    assert.equal(request.status, TraceStatus.OK);
    const first = Number(request.pageToken || "0");
    const traces = Array.from({ length: Math.min(request.pageSize, 800) }, (_, index) => ({
      traceId: (first + index).toString(16).padStart(32, "0"),
      serviceName: "payments",
      startTime: at,
      duration: { seconds: 1n, nanos: 500 },
      hasError: false,
      spanCount: 3,
    }));
    return { traces, nextPageToken: String(first + traces.length) };
  },
}, async () => {
  const filter = { service: "payments", minDuration: "500ms", timeRange: "1h", status: "ok", limit: 2000 } as const;
  const traces = await coral.traces.query(filter);
  assert.equal(traces.length, 2000);
  assert.equal(new Set(traces.map((trace) => trace.traceId)).size, 2000);
  assert.equal(traces[0].durationNs, 1_000_000_500);
  assert.equal(traces[0].durationMs, 1000.0005);
  assert.equal(traces.completeness.rowsCut, true);
  assert.deepEqual(Object.keys(traces).length, 2000);
  assert.equal((await coral.traces.query({ ...filter, limit: 1 })).length, 1);
});

asking("a trace has its spans", {
  getTrace: ({ traceId }) => ({
    spans: [{
      traceId,
      spanId: "1234567890abcdef",
      serviceName: "orders",
      spanName: "POST /orders",
      kind: SpanKind.SERVER,
      startTime: at,
      duration: { nanos: 42 },
      status: SpanStatus.ERROR,
      attributesJson: '{"http.response.status_code":500}',
    }],
  }),
}, async () => {
  const { spans, traceId } = await coral.traces.get("AB".repeat(16));
  assert.equal(traceId, "ab".repeat(16));
  assert.deepEqual(spans, [{
    traceId,
    spanId: "1234567890abcdef",
    parentSpanId: null,
    serviceName: "orders",
    name: "POST /orders",
    kind: "SERVER",
    startTime: new Date(1_790_000_000_250),
    durationNs: 42,
    durationMs: 0.000042,
    status: "ERROR",
    attributes: { "http.response.status_code": 500 },
  }]);
});

asking("hosts answer alone and together", {
  getSystemMetrics: ({ service, agentId }) => {
    assert.deepEqual([service, agentId], ["payments", ""]);
    return {
      total: { cpuPct: 40, memUsedBytes: 3n << 30n, memTotalBytes: 12n << 30n },
      agents: [{ agentId: "a1", cpuPct: 40, memUsedBytes: 3n << 30n, memTotalBytes: 12n << 30n, lastSampleTime: at }],
    };
  },
}, async () => {
  const cpu = await coral.system.getCPU({ service: "payments" });
  assert.equal(cpu.usagePct, 40);
  assert.equal(cpu.hosts[0].agent, "a1");
  const memory = await coral.system.getMemory({ service: "payments" });
  assert.deepEqual([memory.used, memory.total, memory.usagePct], [3 * 2 ** 30, 12 * 2 ** 30, 25]);
});

asking("log records come over all pages, with who is missing and why", {
  queryLogs: (request) => {
    assert.deepEqual([request.service, request.contains, request.traceId], ["payments", "card", "ab".repeat(16)]);
    assert.deepEqual([request.minSeverity, request.maxSeverity], [LogSeverity.WARN, LogSeverity.UNSPECIFIED]);
    assert.equal(request.window?.seconds, 600n);
    assert.deepEqual([request.before?.seconds, request.before?.nanos], [1_790_000_000n, 250_000_000]);
    const first = Number(request.pageToken || "0");
    const records = Array.from({ length: request.limit }, (_, index) => ({
      time: at,
      serviceName: "payments",
      severity: LogSeverity.ERROR,
      body: `record ${first + index}`,
      attributesJson: '{"a":[1]}',
      traceId: "ab".repeat(16),
      agentId: "a1",
    }));
    const completeness = { rowsCut: true, missingAgents: ["b"], notes: ["b: gone"] };
    return { records, nextPageToken: String(first + records.length), completeness };
  },
}, async () => {
  const records = await coral.logs.query({
    service: "payments",
    minSeverity: "warn",
    contains: "card",
    traceId: "ab".repeat(16),
    timeRange: "10m",
    limit: 1500,
    before: new Date(1_790_000_000_250),
  });
  assert.equal(records.length, 1500);
  assert.deepEqual(records[1499], {
    time: new Date(1_790_000_000_250),
    serviceName: "payments",
    severity: "ERROR",
    body: "record 1499",
    attributes: { a: [1] },
    traceId: "ab".repeat(16),
    spanId: null,
    agent: "a1",
  });
  assert.equal(records.completeness.rowsCut, true);
  assert.deepEqual(records.completeness.missingAgents, ["b"]);
  assert.deepEqual(records.completeness.notes, ["b: gone"]);
});

asking("a severity is exact, and a record without one says so", {
  queryLogs: ({ minSeverity, maxSeverity }) => {
    assert.deepEqual([minSeverity, maxSeverity], [LogSeverity.FATAL, LogSeverity.FATAL]);
    return { records: [{ time: at, body: "no severity" }] };
  },
}, async () => {
  const [record] = await coral.logs.query({ severity: "fatal" });
  assert.deepEqual([record.severity, record.attributes, record.traceId], ["UNSPECIFIED", {}, null]);
});

asking("functions come over all pages, and alone", {
  listFunctions: ({ service, match, pageToken }) => {
    assert.deepEqual([service, match], ["payments", "*charge*"]);
    return pageToken === ""
      ? {
        functions: [{ name: "charge", file: "pay.c", line: 7, binary: "/bin/pay", offsetBytes: 4096n }],
        nextPageToken: "x",
      }
      : { functions: [{ name: "recharge", binary: "/bin/pay" }], completeness: { notes: ["stripped"] } };
  },
  getFunction: ({ service, name }) => {
    assert.equal(service, "payments");
    if (name !== "charge") throw failure(Code.NotFound, "NOT_FOUND", "none", { hint: "similar: charge" });
    return { function: { name, file: "pay.py", line: 3, binary: "pay.py" } };
  },
  listServices: () => ({ services: [{ name: "payments", lastSeen: at, instanceCount: 1 }] }),
  queryLogs: ({ service }) => ({ records: [{ time: at, serviceName: service }] }),
}, async () => {
  const functions = await coral.functions.list("payments", { match: "*charge*" });
  assert.deepEqual([...functions], [
    { name: "charge", file: "pay.c", line: 7, binary: "/bin/pay", offsetBytes: 4096 },
    { name: "recharge", file: null, line: null, binary: "/bin/pay", offsetBytes: null },
  ]);
  assert.deepEqual(functions.completeness.notes, ["stripped"]);
  assert.equal((await coral.functions.get("payments", "charge")).line, 3);
  await assert.rejects(coral.functions.get("payments", "chrge"), { reason: "NOT_FOUND", hint: "similar: charge" });

  const payments = await coral.services.get("payments");
  assert.equal((await payments.functions.list({ match: "*charge*" })).length, 2);
  assert.equal((await payments.functions.get("charge")).file, "pay.py");
  assert.equal((await payments.logs.query())[0].serviceName, "payments");
  assert.deepEqual(Object.keys(payments), ["name", "lastSeen", "instanceCount"]);
});

asking("wrong arguments are refused before any call", {}, async () => {
  const wrong: Promise<unknown>[] = [
    coral.metrics.getPercentile("payments", "http.server.duration", 99),
    coral.metrics.getP99(""),
    coral.metrics.getP99("payments", undefined, "five minutes"),
    coral.traces.findSlow("payments", "quick"),
    coral.traces.query({ limit: 0 }),
    coral.traces.query({ status: "bad" as "ok" }),
    coral.traces.get("12"),
    coral.logs.query({ service: "" }),
    coral.logs.query({ limit: 1.5 }),
    coral.logs.query({ severity: "warning" as "warn" }),
    coral.logs.query({ severity: "warn", minSeverity: "warn" }),
    coral.logs.query({ before: new Date(NaN) }),
    coral.functions.list(""),
    coral.functions.get("payments", ""),
    coral.db.query(" "),
    coral.db.query("SELECT ?", [2n ** 64n]),
  ];
  for (const call of wrong) {
    await assert.rejects(call, (error) => error instanceof coral.CoralError && error.reason === "INVALID_ARGUMENT");
  }
});

asking("parameters and mode come with the connection, which leaves the global scope", {
  listServices: () => ({}),
}, async () => {
  await coral.services.list();
  assert.equal(coral.mode, "cli");
  assert.deepEqual({ ...coral.params }, {});
  const key = Symbol.for("coral.connection");
  assert.equal(key in globalThis, false);
});
