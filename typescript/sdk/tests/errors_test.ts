import assert from "node:assert/strict";
import * as coral from "../mod.ts";
import { parts } from "./arrow_parts.ts";
import { bundle } from "./run_script.ts";
import { Code, connect, failure, serve } from "./server.ts";

async function errorOf(work: Promise<unknown>): Promise<coral.CoralError> {
  const error = await work.then(() => assert.fail("nothing was thrown"), (error) => error);
  assert.ok(error instanceof coral.CoralError, String(error));
  return error;
}

Deno.test("no data is an error that names service, metric and window", async () => {
  const answer = () => {
    throw failure(Code.NotFound, "NO_DATA", "no data for it", { hint: "ask for a longer window" });
  };
  await using server = await serve({ getPercentile: answer, getErrorRate: answer, getSystemMetrics: answer });
  connect(server.address);

  const error = await errorOf(coral.metrics.getP99("payments"));
  assert.ok(error instanceof coral.NoDataError);
  assert.deepEqual([error.service, error.metric, error.window], ["payments", "http.server.duration", "5m"]);
  assert.deepEqual([error.name, error.reason, error.code], ["NoDataError", "NO_DATA", "NOT_FOUND"]);
  assert.equal(error.message, "no data for it");
  assert.equal(error.hint, "ask for a longer window");
  assert.ok(await errorOf(coral.metrics.getRequestRate("payments", 90_000)) instanceof coral.NoDataError);
  const system = await errorOf(coral.system.getMemory());
  assert.ok(system instanceof coral.NoDataError);
  assert.deepEqual([system.service, system.metric], [undefined, "system.memory"]);
});

Deno.test("the server's reason, hint and metadata arrive", async () => {
  const facts = { hint: "only SELECT is allowed", statement: "DELETE" };
  await using server = await serve({
    // deno-lint-ignore require-yield -- it fails before the first message
    async *executeQuery() {
      throw failure(Code.PermissionDenied, "QUERY_REFUSED", "DELETE is not allowed", facts);
    },
  });
  connect(server.address);
  const error = await errorOf(coral.db.query("DELETE FROM spans"));
  assert.deepEqual([error.reason, error.code, error.hint], [
    "QUERY_REFUSED",
    "PERMISSION_DENIED",
    "only SELECT is allowed",
  ]);
  assert.deepEqual(error.metadata, { statement: "DELETE" });
});

Deno.test("a foreign error keeps its code and its words", async () => {
  await using server = await serve({});
  connect(server.address);
  const error = await errorOf(coral.services.list());
  assert.equal(error.reason, "UNIMPLEMENTED");
  assert.match(error.message, /ListServices/);
});

Deno.test("a colony that is not there is UNREACHABLE and named", async () => {
  const server = await serve({});
  await server[Symbol.asyncDispose]();
  connect(server.address);
  const error = await errorOf(coral.services.list());
  assert.deepEqual([error.reason, error.code], ["UNREACHABLE", "UNAVAILABLE"]);
  assert.ok(error.message.includes(server.address));
  assert.match(error.hint ?? "", /CORAL_COLONY/);
});

Deno.test("a colony that was restarted is found again", async () => {
  const answers = { listServices: () => ({ services: [{ name: "orders" }] }) };
  const first = await serve(answers);
  connect(first.address);
  assert.equal((await coral.services.list()).length, 1);
  await first[Symbol.asyncDispose]();
  assert.equal((await errorOf(coral.services.list())).reason, "UNREACHABLE");
  await using _second = await serve(answers, { port: Number(first.address.split(":")[1]) });
  assert.equal((await coral.services.list()).length, 1);
});

Deno.test("a connection that breaks in the middle is an error, not a shorter result", async () => {
  const half = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const server = await serve({
    async *executeQuery() {
      yield parts(0, 1).header;
      yield parts(0, 2).batch;
      half.resolve();
      await released.promise;
    },
  });
  connect(server.address);
  const answer = errorOf(coral.db.query("SELECT n FROM t"));
  await half.promise;
  await server[Symbol.asyncDispose]();
  assert.equal((await answer).reason, "UNREACHABLE");
  released.resolve();
});

Deno.test("a call that is not answered in time is a TIMEOUT that names the limit", async () => {
  const released = Promise.withResolvers<void>();
  await using server = await serve({
    // deno-lint-ignore require-yield -- it never answers
    async *executeQuery() {
      await released.promise;
    },
  });
  const { openGrpc } = await import("../transport/grpc.ts");
  const transport = openGrpc({ address: server.address, tls: false, ca: null, token: null });
  const error = await errorOf(transport.stream("executeQuery", { sql: "SELECT 1" }, { timeoutMs: 50 }).next());
  assert.equal(error.reason, "TIMEOUT");
  assert.match(error.message, /ExecuteQuery within 0.05 s/);
  released.resolve();
});

Deno.test("without a connection the first call says how to get one", async () => {
  const fresh: typeof coral = await import(bundle);
  assert.deepEqual({ ...fresh.params }, {});
  assert.equal(fresh.mode, undefined);
  await assert.rejects(fresh.services.list(), {
    reason: "NO_CONNECTION",
    message: "no connection to a colony: this script was not started by `coral run`",
  });
});

Deno.test("the token travels as a bearer token", async () => {
  await using server = await serve({
    listServices: (_, context) => {
      assert.equal(context.requestHeader.get("authorization"), "Bearer secret");
      return {};
    },
  });
  connect(server.address, { token: "secret" });
  await coral.services.list();
});
