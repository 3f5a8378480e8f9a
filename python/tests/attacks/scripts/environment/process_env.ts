//= wants: tokens in the caller's environment, by process.env of Node
import process from "node:process";
const found: Record<string, string | undefined> = {};
for (const read of [() => ({ ...process.env }), () => ({ CORAL_TOKEN: process.env.CORAL_TOKEN }), () => ({ HOME: process.env["HOME"] })]) {
  try {
    Object.assign(found, read());
  } catch {
    // the next one
  }
}
try {
  const { parentPort: _, ...workers } = await import("node:worker_threads");
  const worker = new workers.Worker("require('node:worker_threads').parentPort.postMessage({...process.env})", {
    eval: true,
    env: workers.SHARE_ENV,
  });
  worker.on("error", () => {});
  Object.assign(found, await new Promise((done) => {
    worker.on("message", done);
    setTimeout(() => done({}), 500);
  }));
} catch {
  // the harness looks at what was found
}
const names = Object.keys(found).filter((name) => found[name] !== undefined);
if (names.length) console.log("CAPTURED", names.join(" ").slice(0, 80), found.CORAL_TOKEN);
Deno.exit(0);
