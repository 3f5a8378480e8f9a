// What only shows in a process of its own: the bundle as `coral run` starts it.

import assert from "node:assert/strict";
import { parts } from "./arrow_parts.ts";
import { serveFramed, TOKEN } from "./framed_server.ts";
import { bundle, run } from "./run_script.ts";
import { Code, failure, serve } from "./server.ts";

Deno.test("the bundle loads under bare deno run, without rights or a connection", async () => {
  const script = `
    import * as coral from ${JSON.stringify(bundle)};
    console.log(Object.keys(coral).sort().join(), coral.mode, JSON.stringify(coral.params));`;
  const { code, stdout, stderr } = await run(script);
  assert.equal(stderr, "");
  const names =
    "CoralError,NoDataError,assert,connect,db,defineParams,durationMs,emit,events,functions,heartbeat,logs,metrics,mode,output,params,plot,services,system,table,threshold,traces";
  assert.equal(stdout, `${names} undefined {}\n`);
  assert.equal(code, 0);
});

Deno.test("a script without calls loads nothing of Node", async () => {
  const script = `
    import * as coral from "@coral/sdk";
    console.log(typeof coral.db.query, coral.params.threshold, coral.mode);
    console.log(Symbol.for("coral.connection") in globalThis);`;
  const { stdout } = await run(script, "127.0.0.1:9", { threshold: 500 });
  assert.equal(stdout, "function 500 cli\nfalse\n");
  const text = await Deno.readTextFile(new URL(bundle));
  assert.doesNotMatch(text, /^import[ {*"]|[;}]import[ {*"]/m); // no static import survives bundling
});

Deno.test("a script that failed to find a connection says how to get one", async () => {
  const { code, stderr } = await run(`
    import * as coral from "@coral/sdk";
    await coral.services.list();`);
  assert.equal(code, 1);
  assert.match(stderr, /CoralError: no connection to a colony: this script was not started by `coral run`/);
});

Deno.test("an error that nobody catches points at the script's own lines only", async () => {
  const noData = () => {
    throw failure(Code.NotFound, "NO_DATA", "no data for it");
  };
  await using server = await serve({ getPercentile: noData });
  const { code, stderr } = await run(
    `import * as coral from "@coral/sdk";
async function report() {
  console.log(await coral.metrics.getP99("payments"));
}
await report();`,
    server.address,
  );
  assert.equal(code, 1);
  assert.match(
    stderr,
    /NoDataError: no data for it\n +at async report \(.*script.ts:3:\d+\)\n +at async .*script.ts:5:\d+/,
  );
  assert.doesNotMatch(stderr, /mod\.js|ext:/);
});

Deno.test("maps survive the bundle: named parameters and the facts of errors", async () => {
  await using server = await serve({
    // deno-lint-ignore require-yield -- it only fails
    async *executeQuery({ namedParams }) {
      throw failure(Code.PermissionDenied, "QUERY_REFUSED", `a is ${namedParams.a?.value.value}`, {
        hint: "ask less",
        x: "y",
      });
    },
  });
  const { stdout } = await run(
    `import * as coral from "@coral/sdk";
const { message, hint, metadata } = await coral.db.query("SELECT $a", { a: 5 }).catch((error) => error);
console.log(message, hint, metadata.x);`,
    server.address,
  );
  assert.equal(stdout, "a is 5 ask less y\n");
});

Deno.test("the process ends when the script does, though a stream was left and the connection is open", async () => {
  const aborted = Promise.withResolvers<void>();
  await using server = await serve({
    listServices: () => ({ services: [{ name: "orders" }] }),
    async *executeQuery(_, { signal }) {
      signal.addEventListener("abort", () => aborted.resolve());
      yield parts(0, 1).header;
      yield parts(0, 10).batch;
      await aborted.promise; // never ends by itself
    },
  });
  const ended = await run(
    `
    import * as coral from "@coral/sdk";
    for (const service of await coral.services.list()) console.log(service.name);
    for await (const row of coral.db.stream("SELECT n FROM endless")) {
      console.log(row.n);
      if (row.n === 2) break;
    }`,
    server.address,
  );
  assert.deepEqual(ended, { code: 0, stdout: "orders\n0\n1\n2\n", stderr: "" });
  await aborted.promise;
});

Deno.test("over a Unix socket nothing of Node is loaded, and the process ends when the script does", async () => {
  const aborted = Promise.withResolvers<void>();
  await using server = await serveFramed({
    listServices: () => ({ services: [{ name: "orders" }] }),
    async *executeQuery(_, { signal }) {
      signal.addEventListener("abort", () => aborted.resolve());
      yield parts(0, 1).header;
      yield parts(0, 10).batch;
      await aborted.promise;
    },
  });
  const ended = await run(
    `
    import process from "node:process";
    const load = process.getBuiltinModule;
    process.getBuiltinModule = (name) => (console.log("loads", name), load(name));
    const coral = await import("@coral/sdk");
    for (const service of await coral.services.list()) console.log(service.name, coral.mode);
    for await (const row of coral.db.stream("SELECT n FROM endless")) {
      console.log(row.n);
      if (row.n === 2) break;
    }`,
    undefined,
    {},
    { mode: "agent", socket: server.socket, token: TOKEN },
  );
  assert.deepEqual(ended, { code: 0, stdout: "orders agent\n0\n1\n2\n", stderr: "" });
  await aborted.promise;
});
