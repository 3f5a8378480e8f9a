// What holds for every call: options, retries, deadlines, cancellation, how many at once.

import assert from "node:assert/strict";
import * as coral from "../mod.ts";
import { parts } from "./arrow_parts.ts";
import { Code, connect, failure, serve } from "./server.ts";

const wrong: [string, () => Promise<unknown>, string, string][] = [
  [
    "traces.query",
    () => coral.traces.query({ minDuraton: "5ms" } as object),
    'traces.query has no option "minDuraton"',
    "did you mean minDuration?",
  ],
  [
    "traces.findSlow",
    () => coral.traces.findSlow("a", "5ms", { Limit: 1 } as object),
    'traces.findSlow has no option "Limit"',
    "did you mean limit?",
  ],
  [
    "metrics.series",
    () => coral.metrics.series("a", "m", { widow: "1h" } as object),
    'metrics.series has no option "widow"',
    "did you mean window?",
  ],
  [
    "a metric's window",
    () => coral.metrics.getP99("a", "m", { windo: "1h" } as object),
    'metrics has no option "windo"',
    "did you mean window?",
  ],
  [
    "logs.query",
    () => coral.logs.query({ servce: "a" } as object),
    'logs.query has no option "servce"',
    "did you mean service?",
  ],
  [
    "system",
    () => coral.system.getCPU({ agnt: "a" } as object),
    'system has no option "agnt"',
    "did you mean agent?",
  ],
  [
    "db.query",
    () => coral.db.query("SELECT 1", [], { timout: "1s" } as object),
    'db.query has no option "timout"',
    "did you mean timeout?",
  ],
  [
    "services.list",
    () => coral.services.list({ something: 1 } as object),
    'services.list has no option "something"',
    "it reads window, signal, timeout",
  ],
  [
    "functions.list",
    () => coral.functions.list("a", { macth: "*" } as object),
    'functions.list has no option "macth"',
    "did you mean match?",
  ],
  [
    "events.query",
    () => coral.events.query({ naem: "alert" } as object),
    'events.query has no option "naem"',
    "did you mean name?",
  ],
  [
    "emit",
    () => coral.emit("a", {}, { severty: "info" } as object),
    'emit has no option "severty"',
    "did you mean severity?",
  ],
  [
    "heartbeat, which asks nobody under coral run",
    () => coral.heartbeat({ timout: "1s" } as object),
    'heartbeat has no option "timout"',
    "did you mean timeout?",
  ],
];
for (const [what, work, message, hint] of wrong) {
  Deno.test(`a misspelt option is refused: ${what}`, async () => {
    await assert.rejects(async () => await work(), { reason: "INVALID_ARGUMENT", message, hint });
  });
}

Deno.test("options that are none are refused", async () => {
  const refused = { reason: "INVALID_ARGUMENT" };
  await assert.rejects(coral.traces.query("payments" as unknown as object), refused);
  await assert.rejects(coral.traces.query({ signal: "stop" as unknown as AbortSignal }), refused);
  await assert.rejects(coral.traces.query({ timeout: "soon" }), refused);
});

Deno.test("a call is tried again when the colony is away for a moment", async () => {
  let calls = 0;
  await using server = await serve({
    listServices: () => {
      calls++;
      if (calls < 3) throw failure(Code.Unavailable, "STORAGE", "the database is being opened again");
      return { services: [{ name: "orders" }] };
    },
  });
  connect(server.address);
  assert.deepEqual((await coral.services.list()).map(({ name }) => name), ["orders"]);
  assert.equal(calls, 3);
});

Deno.test("what stays away is given up, and what cannot help is not tried again", async () => {
  const calls = { away: 0, wrong: 0, quota: 0 };
  await using server = await serve({
    listServices: () => {
      calls.away++;
      throw failure(Code.Unavailable, "STORAGE_FULL", "no room");
    },
    getTrace: () => {
      calls.wrong++;
      throw failure(Code.NotFound, "NOT_FOUND", "no such trace");
    },
    emit: () => {
      calls.quota++;
      throw failure(Code.ResourceExhausted, "QUOTA", "all that one run may");
    },
  });
  connect(server.address, { mode: "agent" });
  await assert.rejects(coral.services.list(), { reason: "STORAGE_FULL" });
  await assert.rejects(coral.traces.get("a".repeat(32)), { reason: "NOT_FOUND" });
  await assert.rejects(coral.emit("alert"), { reason: "QUOTA" });
  assert.deepEqual(calls, { away: 4, wrong: 1, quota: 1 });
});

Deno.test("a colony that is too busy is asked again after the time that it says, until the call's time is up", async () => {
  const ids: string[] = [];
  let refusals = 6;
  let later = 10;
  await using server = await serve({
    emit: ({ eventId }) => {
      ids.push(eventId);
      if (ids.length <= refusals) throw failure(Code.ResourceExhausted, "OVERLOADED", "too fast", {}, later);
      return {};
    },
  });
  connect(server.address, { mode: "agent" });
  await coral.emit("alert");
  assert.equal(ids.length, 7);
  assert.equal(new Set(ids).size, 1, "each attempt has the event's id");
  [refusals, later] = [Infinity, 3_600_000];
  await assert.rejects(coral.emit("alert", {}, { timeout: "1m" }), (error: coral.CoralError) => {
    assert.deepEqual([error.reason, error.retryAfterMs], ["OVERLOADED", later]);
    return true;
  });
});

Deno.test("a statement is run again only while nothing of it has come", async () => {
  let calls = 0;
  let midway = false;
  await using server = await serve({
    async *executeQuery() {
      calls++;
      if (midway) yield parts(0, 1).header;
      if (midway || calls === 1) throw failure(Code.Unavailable, "STORAGE", "away");
      yield parts(0, 1).header;
      yield parts(0, 1).batch;
      yield { part: { case: "trailer" as const, value: { rowCount: 1n } } };
    },
  });
  connect(server.address);
  assert.equal((await coral.db.query("SELECT 1")).length, 1);
  assert.equal(calls, 2);
  midway = true;
  await assert.rejects(coral.db.query("SELECT 1"), { reason: "STORAGE" });
  assert.equal(calls, 3);
});

Deno.test("a call has the time that it was given", async () => {
  await using server = await serve({
    getTrace: (_, { signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve({}))),
    getPercentile: (_, { signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve({}))),
  });
  connect(server.address);
  await assert.rejects(coral.traces.get("a".repeat(32), { timeout: "50ms" }), { reason: "TIMEOUT" });
  await assert.rejects(coral.metrics.getP99("a", "m", { timeout: 50, window: "1h" }), { reason: "TIMEOUT" });
});

Deno.test("a call ends when its signal is aborted, and the server is told", async () => {
  const told = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  await using server = await serve({
    getTrace: (_, { signal }) => {
      started.resolve();
      return new Promise((resolve) =>
        signal.addEventListener("abort", () => {
          told.resolve();
          resolve({});
        })
      );
    },
  });
  connect(server.address);
  const stop = new AbortController();
  const asked = coral.traces.get("a".repeat(32), { signal: stop.signal });
  await started.promise;
  stop.abort(new Error("enough"));
  await assert.rejects(asked, (error: coral.CoralError) => {
    assert.deepEqual([error.reason, error.code], ["CANCELLED", "CANCELLED"]);
    assert.equal((error.cause as Error).message, "enough");
    return true;
  });
  await told.promise;
  await assert.rejects(coral.traces.get("a".repeat(32), { signal: stop.signal }), { reason: "CANCELLED" });
});

Deno.test("a stream ends when its signal is aborted, and a wait for another attempt too", async () => {
  const told = Promise.withResolvers<void>();
  await using server = await serve({
    async *executeQuery(_, { signal }) {
      yield parts(0, 1).header;
      yield parts(0, 1).batch;
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      told.resolve();
    },
    listServices: () => {
      throw failure(Code.ResourceExhausted, "OVERLOADED", "busy", {}, 20_000);
    },
  });
  connect(server.address);
  const stop = new AbortController();
  let rows = 0;
  await assert.rejects(async () => {
    for await (const _ of coral.db.stream("SELECT 1", [], { signal: stop.signal })) {
      rows++;
      stop.abort();
    }
  }, { reason: "CANCELLED" });
  assert.equal(rows, 1);
  await told.promise;
  const waiting = new AbortController();
  const asked = coral.services.list({ signal: waiting.signal, timeout: "10m" });
  setTimeout(() => waiting.abort(), 20);
  await assert.rejects(asked, { reason: "CANCELLED" });
});

Deno.test("at most a hundred calls are under way at once, and all are answered", async () => {
  let now = 0, most = 0;
  const full = Promise.withResolvers<void>();
  await using server = await serve({
    getErrorRate: async () => {
      most = Math.max(most, ++now);
      if (now === 100) full.resolve();
      await full.promise;
      now--;
      return { requestCount: 1n };
    },
  });
  connect(server.address);
  const stop = new AbortController();
  const asked = Array.from({ length: 350 }, () => coral.metrics.getRequestCount("a"));
  const given = coral.metrics.getRequestCount("a", { signal: stop.signal }); // waits for a place
  stop.abort();
  await assert.rejects(given, { reason: "CANCELLED" });
  assert.equal((await Promise.all(asked)).length, 350);
  assert.equal(most, 100);
});

Deno.test("instances are read from the public table", async () => {
  const asked: string[] = [];
  await using server = await serve({
    // deno-lint-ignore require-yield -- it fails before the first message
    async *executeQuery(request) {
      asked.push(request.sql, ...Object.keys(request.namedParams).sort());
      throw failure(Code.InvalidArgument, "QUERY_FAILED", "stop here");
    },
    listServices: () => ({ services: [{ name: "a" }], completeness: { missingAgents: ["x"] } }),
  });
  connect(server.address);
  await assert.rejects(coral.services.instances("payments", { window: "15m" }), { reason: "QUERY_FAILED" });
  assert.match(asked[0], /FROM resources_local/);
  assert.deepEqual(asked.slice(1), ["name", "since"]);
  await assert.rejects(coral.services.instances("payments", { widnow: "1h" } as object), {
    message: 'services.instances has no option "widnow"',
  });
  assert.deepEqual((await coral.services.list()).completeness.missingAgents, ["x"]);
});
