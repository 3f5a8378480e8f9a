// What a transport promises the SDK, held by each of them: the same tests over gRPC and over frames.

import assert from "node:assert/strict";
import type { CoralError } from "../errors.ts";
import { openFramed } from "../transport/framed.ts";
import { openGrpc } from "../transport/grpc.ts";
import type { Transport } from "../transport/transport.ts";
import { parts } from "./arrow_parts.ts";
import { serveFramed, TOKEN } from "./framed_server.ts";
import { type Answers, Code, failure, serve } from "./server.ts";

interface Served extends AsyncDisposable {
  transport: Transport;
  /** Where it is, as errors name it. */
  place: string;
}

const transports: Record<string, (answers: Answers) => Promise<Served>> = {
  grpc: async (answers) => {
    const server = await serve(answers);
    const transport = openGrpc({ address: server.address, tls: false, ca: null, token: null });
    return { transport, place: server.address, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  },
  framed: async (answers) => {
    const server = await serveFramed(answers);
    const transport = openSocket(server.socket);
    return { transport, place: server.socket, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  },
};
const OPTIONS = { timeoutMs: 20_000 };
// gRPC's connection is the session manager's, which closes it when it is idle.
const LENIENT = { sanitizeOps: false, sanitizeResources: false };

for (const [name, open] of Object.entries(transports)) {
  const test = (what: string, fn: () => Promise<void>) => Deno.test({ name: `${name}: ${what}`, fn, ...LENIENT });

  test("an answer is the server's, for many calls at once", async () => {
    await using served = await open({ listServices: ({ pageToken }) => ({ services: [{ name: pageToken }] }) });
    const asked = Array.from({ length: 200 }, (_, number) => `service ${number}`);
    const answers = await Promise.all(
      asked.map((pageToken) => served.transport.unary("listServices", { pageToken }, OPTIONS)),
    );
    assert.deepEqual(answers.map(({ services }) => services[0].name), asked);
  });

  test("an error has the server's reason, hint and facts", async () => {
    await using served = await open({
      getPercentile: () => {
        throw failure(Code.NotFound, "NO_DATA", "no data", { hint: "wait", service: "payments" });
      },
    });
    await assert.rejects(served.transport.unary("getPercentile", {}, OPTIONS), {
      name: "CoralError",
      message: "no data",
      reason: "NO_DATA",
      code: "NOT_FOUND",
      hint: "wait",
      metadata: { service: "payments" },
    });
  });

  test("an error tells when to try again", async () => {
    await using served = await open({
      emit: () => {
        throw failure(Code.ResourceExhausted, "OVERLOADED", "too fast", {}, 1500);
      },
    });
    const expected = { reason: "OVERLOADED", code: "RESOURCE_EXHAUSTED", retryAfterMs: 1500 };
    await assert.rejects(served.transport.unary("emit", { name: "alert" }, OPTIONS), expected);
  });

  test("a call whose signal is aborted ends, and the server is told", async () => {
    const ended = Promise.withResolvers<void>();
    const stop = new AbortController();
    await using served = await open({
      getTrace: async (_, { signal }) => {
        stop.abort();
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        ended.resolve();
        return {};
      },
    });
    const options = { ...OPTIONS, signal: stop.signal };
    await assert.rejects(served.transport.unary("getTrace", {}, options), { code: "CANCELLED" });
    await ended.promise;
  });

  test("a stream whose signal is aborted ends, and the server is told", async () => {
    const ended = Promise.withResolvers<void>();
    const stop = new AbortController();
    await using served = await open({
      async *executeQuery(_, { signal }) {
        yield parts(0, 1).header;
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        ended.resolve();
      },
    });
    const stream = served.transport.stream("executeQuery", { sql: "x" }, { ...OPTIONS, signal: stop.signal });
    assert.equal((await stream.next()).value?.part.case, "header");
    stop.abort();
    await assert.rejects(stream.next(), { code: "CANCELLED" });
    await ended.promise;
  });

  test("an error without a reason is named by its code", async () => {
    await using served = await open({});
    await assert.rejects(served.transport.unary("getTrace", {}, OPTIONS), (error: CoralError) => {
      assert.equal(error.reason, "UNIMPLEMENTED");
      assert.ok(error.message.startsWith(`GetTrace at ${served.place} failed: `), error.message);
      return true;
    });
  });

  test("a call that is not answered in time says so, and the server is told", async () => {
    const ended = Promise.withResolvers<void>();
    await using served = await open({
      getTrace: async (_, { signal }) => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        ended.resolve();
        return {};
      },
    });
    await assert.rejects(served.transport.unary("getTrace", {}, { timeoutMs: 50 }), {
      reason: "TIMEOUT",
      code: "DEADLINE_EXCEEDED",
      message: `${served.place} did not answer GetTrace within 0.05 s`,
    });
    await ended.promise;
  });

  test("a stream comes whole and in order, however slowly it is read", async () => {
    await using served = await open({
      async *executeQuery() {
        for (let first = 0; first < 3000; first += 100) yield parts(first, 100).batch;
      },
    });
    let rows = 0n;
    for await (const { part } of served.transport.stream("executeQuery", { sql: "x" }, OPTIONS)) {
      assert.equal(part.case, "batch");
      if (part.case === "batch") rows += BigInt(part.value.arrowBatch.length > 0 ? 100 : 0);
      if (rows % 1000n === 0n) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.equal(rows, 3000n);
  });

  test("a stream that fails midway throws the server's error after its messages", async () => {
    await using served = await open({
      async *executeQuery() {
        yield parts(0, 1).header;
        throw failure(Code.DeadlineExceeded, "QUERY_TIMEOUT", "too slow");
      },
    });
    const stream = served.transport.stream("executeQuery", {}, OPTIONS);
    assert.equal((await stream.next()).value?.part.case, "header");
    await assert.rejects(stream.next(), { reason: "QUERY_TIMEOUT", message: "too slow" });
  });

  test("ending a stream early cancels it, and other calls go on", async () => {
    const ended = Promise.withResolvers<void>();
    await using served = await open({
      listServices: () => ({}),
      async *executeQuery(_, { signal }) {
        signal.addEventListener("abort", () => ended.resolve());
        for (;;) {
          yield parts(0, 10).batch;
          await new Promise((resolve) => setTimeout(resolve));
        }
      },
    });
    for await (const _ of served.transport.stream("executeQuery", {}, OPTIONS)) break;
    await ended.promise;
    await served.transport.unary("listServices", {}, OPTIONS);
  });

  test("a call can be made while a stream is read", async () => {
    await using served = await open({
      listServices: () => ({ services: [{ name: "a" }] }),
      async *executeQuery() {
        for (let n = 0; n < 5; n++) yield parts(n, 1).batch;
      },
    });
    let asked = 0;
    for await (const _ of served.transport.stream("executeQuery", {}, OPTIONS)) {
      asked += (await served.transport.unary("listServices", {}, OPTIONS)).services.length;
    }
    assert.equal(asked, 5);
  });

  test("a server that has gone is unreachable", async () => {
    const served = await open({ listServices: () => ({}) });
    await served[Symbol.asyncDispose]();
    await assert.rejects(served.transport.unary("listServices", {}, OPTIONS), (error: CoralError) => {
      assert.equal(error.reason, "UNREACHABLE");
      assert.ok(error.message.includes(served.place) && error.hint, error.message);
      return true;
    });
  });
}

Deno.test("framed: the first call of each connection brings the token, and a lost connection is made anew", async () => {
  await using server = await serveFramed({ listServices: () => ({}) });
  const transport = openSocket(server.socket);
  await transport.unary("listServices", {}, OPTIONS);
  await transport.unary("listServices", {}, OPTIONS);
  assert.deepEqual(server.calls.map(({ token }) => token), [TOKEN, ""]);
  server.drop();
  let tries = 0; // what is on its way when the connection breaks fails
  while (!(await transport.unary("listServices", {}, OPTIONS).then(() => true, () => false))) assert.ok(++tries < 100);
  assert.equal(server.calls.at(-1)?.token, TOKEN);
  server.drop();
});

Deno.test("framed: a call under way fails when the connection breaks", async () => {
  await using server = await serveFramed({ getTrace: () => new Promise(() => undefined) });
  const failed = assert.rejects(openSocket(server.socket).unary("getTrace", {}, OPTIONS), {
    reason: "UNREACHABLE",
    code: "ABORTED",
  });
  while (server.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  server.drop();
  await failed;
});

Deno.test("framed: what was read of a stream is granted again, what was not is not", async () => {
  const sent = 64;
  const message = { part: { case: "batch" as const, value: { arrowBatch: new Uint8Array(128 * 1024), rowCount: 1n } } };
  await using server = await serveFramed({
    async *executeQuery() {
      for (let n = 0; n < sent; n++) yield message;
    },
  });
  const transport = openSocket(server.socket);
  const stream = transport.stream("executeQuery", {}, OPTIONS);
  await stream.next();
  assert.equal(server.credit.get(1), undefined);
  const initial = server.calls[0].creditBytes;
  let read = 1n;
  for await (const _ of stream) read++;
  assert.equal(read, BigInt(sent));
  assert.ok(initial <= 4n * 1024n * 1024n);
  const granted = server.credit.get(1) ?? 0n;
  assert.ok(granted > read * 128n * 1024n - initial && granted < read * 130n * 1024n, String(granted));
  server.drop();
});

function openSocket(path: string): ReturnType<typeof openFramed> {
  return openFramed({ transport: "unix", path }, TOKEN, { address: path, hint: "what started this script has ended" });
}
