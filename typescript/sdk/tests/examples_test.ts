// Runs the examples as shipped, against answers like the design document's.

import assert from "node:assert/strict";
import { LogSeverity } from "../gen/coral/colony/v1/query_pb.ts";
import { run } from "./run_script.ts";
import { type Answers, Code, failure, serve } from "./server.ts";

const p = { payments: [45.2, 892.1], orders: [23.1, 456.3] } as Record<string, [number, number]>;
const errors = { payments: [12n, 10_000n], orders: [3n, 10_000n] } as Record<string, [bigint, bigint]>;

const shop: Answers = {
  listServices: () => ({
    services: [{ name: "orders" }, { name: "payments" }, { name: "search" }].map((service) => ({
      ...service,
      instanceCount: 1,
    })),
  }),
  getPercentile: ({ service, percentile }) => {
    if (!(service in p)) throw failure(Code.NotFound, "NO_DATA", "no data");
    return { value: p[service][percentile === 0.5 ? 0 : 1] * 1e6, unit: "ns", sampleCount: 1n };
  },
  getErrorRate: ({ service }) => {
    if (!(service in p)) throw failure(Code.NotFound, "NO_DATA", "no data");
    const [errorCount, requestCount] = errors[service];
    return { errorRate: Number(errorCount) / Number(requestCount), errorCount, requestCount };
  },
};

async function runExample(name: string, answers: Answers, params = {}): Promise<{ code: number; stdout: string }> {
  await using server = await serve(answers);
  const { stderr, ...ended } = await run(new URL(`../../examples/${name}`, import.meta.url), server.address, params);
  assert.equal(stderr, "");
  return ended;
}

Deno.test("latency-report.ts prints the report of the design document", async () => {
  const { code, stdout } = await runExample("latency-report.ts", shop);
  assert.equal(
    stdout,
    `Service Latency Report

orders:
  P50: 23.1ms
  P99: 456.3ms
  Errors: 0.03%

payments:
  P50: 45.2ms
  P99: 892.1ms
  Errors: 0.12%

search:
  no requests in the last 5m

Slowest: payments (P99 892.1ms)
Most errors: payments (0.12%)
`,
  );
  assert.equal(code, 0);
});

Deno.test("latency-report.ts says that there is nothing yet", async () => {
  const { stdout } = await runExample("latency-report.ts", { listServices: () => ({}) });
  assert.equal(stdout, "Service Latency Report\n\nNo service has sent anything yet.\n");
});

Deno.test("analysis.ts warns about the slow service", async () => {
  const { stdout } = await runExample("analysis.ts", shop);
  assert.equal(stdout, "✓ orders: 456.3ms\n⚠️ payments: 892.1ms\n- search: no requests in the last 5m\n");
});

Deno.test("latency-check.ts fails for a service over the threshold", async () => {
  const slow = await runExample("latency-check.ts", shop, { threshold: 500 });
  assert.equal(
    slow.stdout,
    "ok   orders: P99 456.3ms, limit 500ms\nSLOW payments: P99 892.1ms, limit 500ms\nidle search\n",
  );
  assert.equal(slow.code, 1);
  assert.equal((await runExample("latency-check.ts", shop, { threshold: 1000 })).code, 0);
});

Deno.test("error-logs.ts shows the newest errors of each service, the most failing first", async () => {
  const { stdout } = await runExample("error-logs.ts", {
    queryLogs: ({ minSeverity, window }) => {
      assert.deepEqual([minSeverity, window?.seconds], [LogSeverity.ERROR, 900n]);
      const record = (serviceName: string, second: number, body: string) => ({
        time: { seconds: BigInt(1_790_000_000 + second) },
        serviceName,
        severity: LogSeverity.ERROR,
        body,
        traceId: body === "declined" ? "ab".repeat(16) : "",
      });
      return {
        records: [record("orders", 3, "lost"), record("payments", 2, "declined"), record("payments", 1, "timeout")],
      };
    },
  }, { window: "15m", lines: 1 });
  assert.equal(
    stdout,
    `payments: 2 errors in the last 15m
  2026-09-21T14:13:22.000Z declined (trace ${"ab".repeat(16)})
orders: 1 error in the last 15m
  2026-09-21T14:13:23.000Z lost
`,
  );
  const quiet = await runExample("error-logs.ts", { queryLogs: () => ({}) });
  assert.equal(quiet.stdout, "No service has logged an error in the last 10m.\n");
});
