import assert from "node:assert/strict";
import * as coral from "../mod.ts";
import { Severity } from "../gen/coral/sdk/v1/runtime_pb.ts";
import { run } from "./run_script.ts";
import { type Answers, connect, serve } from "./server.ts";

type Emitted = {
  eventId: string;
  name: string;
  data: string;
  severity: Severity;
  executionId: string;
  scriptName: string;
};

/** Runs `test` against a server that takes events; gives what it got, and what was written to stderr. */
async function emitting(test: () => Promise<void>, mode = "cli"): Promise<{ got: Emitted[]; said: string[] }> {
  const got: Emitted[] = [];
  const answers: Answers = {
    emit: (request) => {
      got.push(request);
      return {};
    },
    heartbeat: () => {
      got.push({ name: "heartbeat" } as Emitted);
      return {};
    },
  };
  await using server = await serve(answers);
  connect(server.address, { mode });
  const said: string[] = [];
  const before = console.error;
  console.error = (line: string) => said.push(line);
  try {
    await test();
  } finally {
    console.error = before;
  }
  return { got, said };
}

Deno.test("an event has the severity of its data, and says so on stderr", async () => {
  const { got, said } = await emitting(async () => {
    await coral.emit("alert", { severity: "warning", message: "P99 exceeded 500ms", service: "payments", p99: 990.5 });
    await coral.emit("correlation", { type: "error_high_memory", at: new Date(0), big: 2n ** 60n, small: 7n });
    await coral.emit("started");
    await coral.emit("alert", { message: "down" }, { severity: "critical" });
    await coral.emit("odd", { severity: "mine", message: { a: 1 } }, { severity: "info" });
  });
  assert.deepEqual(got.map(({ name, severity }) => [name, severity]), [
    ["alert", Severity.WARNING],
    ["correlation", Severity.INFO],
    ["started", Severity.INFO],
    ["alert", Severity.CRITICAL],
    ["odd", Severity.INFO],
  ]);
  assert.deepEqual(JSON.parse(got[0].data), {
    severity: "warning",
    message: "P99 exceeded 500ms",
    service: "payments",
    p99: 990.5,
  });
  assert.deepEqual(JSON.parse(got[1].data), {
    type: "error_high_memory",
    at: "1970-01-01T00:00:00.000Z",
    big: "1152921504606846976",
    small: 7,
  });
  assert.equal(got[2].data, "{}");
  assert.equal(new Set(got.map(({ eventId }) => eventId)).size, 5);
  assert.deepEqual([got[0].executionId, got[0].scriptName], ["00000000-0000-4000-8000-000000000001", "test.ts"]);
  assert.deepEqual(said, [
    '[warning] alert: P99 exceeded 500ms {"service":"payments","p99":990.5}',
    '[info] correlation: {"type":"error_high_memory","at":"1970-01-01T00:00:00.000Z","big":"1152921504606846976","small":7}',
    "[info] started:",
    "[critical] alert: down",
    '[info] odd: {"message":{"a":1}}',
  ]);
});

Deno.test("an event that cannot be used is refused before any call", async () => {
  const { got, said } = await emitting(async () => {
    const refused = { reason: "INVALID_ARGUMENT" };
    await assert.rejects(coral.emit(""), refused);
    await assert.rejects(coral.emit("alert", [1]), refused);
    await assert.rejects(coral.emit("alert", "text" as unknown as object), refused);
    await assert.rejects(coral.emit("alert", { severity: "error" }), {
      ...refused,
      message: 'data.severity is "error", expected one of info, warning, critical',
    });
    await assert.rejects(coral.emit("alert", {}, { severity: "warn" as "warning" }), {
      ...refused,
      message: 'severity is "warn", expected one of info, warning, critical',
    });
  });
  assert.deepEqual([got, said], [[], []]);
});

Deno.test("on an agent an event is not shown, and a heartbeat is a call", async () => {
  const { got, said } = await emitting(async () => {
    await coral.emit("alert", { message: "down" });
    await coral.heartbeat();
  }, "agent");
  assert.deepEqual([got.map(({ name }) => name), said], [["alert", "heartbeat"], []]);
  const cli = await emitting(() => coral.heartbeat());
  assert.deepEqual([cli.got, cli.said], [[], []]);
});

Deno.test("a heartbeat can be cancelled, and be given less time", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  await using server = await serve({
    heartbeat: async () => {
      asked.resolve();
      await answer.promise;
      return {};
    },
  });
  try {
    connect(server.address, { mode: "agent" });
    const stop = new AbortController();
    const cancelled = assert.rejects(coral.heartbeat({ signal: stop.signal }), { reason: "CANCELLED" });
    await asked.promise;
    stop.abort();
    await cancelled;
    await assert.rejects(coral.heartbeat({ timeout: "100ms" }), { reason: "TIMEOUT" });
  } finally {
    answer.resolve();
  }
});

Deno.test("what is emitted goes to stderr of the process, and stdout stays the script's", async () => {
  await using server = await serve({ emit: () => ({}) });
  const ended = await run(
    `
    import * as coral from "@coral/sdk";
    await coral.emit("alert", { message: "a\\u001b[31mb\\nc" });
    console.log("done");`,
    server.address,
  );
  assert.deepEqual([ended.code, ended.stdout], [0, "done\n"]);
  assert.match(ended.stderr, /^\[info\] alert: /);
});

Deno.test("events are listed over pages, newest first", async () => {
  const at = { seconds: 1_790_000_000n, nanos: 250_000_000 };
  await using server = await serve({
    queryEvents: (request) => {
      assert.deepEqual([request.name, request.minSeverity, request.window?.seconds], ["alert", 2, 3600n]);
      const first = Number(request.pageToken || "0");
      const events = Array.from({ length: Math.min(request.pageSize, 600) }, (_, index) => ({
        eventId: String(first + index),
        name: "alert",
        severity: Severity.CRITICAL,
        data: '{"message":"down"}',
        time: at,
        receivedAt: at,
        executionId: "run",
        scriptName: "a.ts",
        agentId: index === 0 ? "" : "agent-1",
      }));
      return { events, nextPageToken: first >= 1200 ? "" : String(first + events.length) };
    },
  });
  connect(server.address);
  const filter = { name: "alert", minSeverity: "warning", timeRange: "1h" } as const;
  const events = await coral.events.query({ ...filter, limit: 700 });
  assert.deepEqual([events.length, events.completeness.rowsCut], [700, true]);
  assert.deepEqual(events[0], {
    id: "0",
    name: "alert",
    severity: "critical",
    data: { message: "down" },
    time: new Date(1_790_000_000_250),
    receivedAt: new Date(1_790_000_000_250),
    executionId: "run",
    scriptName: "a.ts",
    agent: null,
  });
  assert.equal(events[1].agent, "agent-1");
  assert.equal((await coral.events.query({ ...filter, limit: Infinity })).completeness.rowsCut, false);
  await assert.rejects(coral.events.query({ minSeverity: "error" as "info" }), { reason: "INVALID_ARGUMENT" });
});
