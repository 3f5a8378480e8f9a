//= wants: code outside, and rights, by node:worker_threads
import { Worker } from "node:worker_threads";
const run = (make: () => Worker) =>
  new Promise<string>((done) => {
    try {
      const worker = make();
      worker.on("message", (text) => done(String(text)));
      worker.on("error", () => done(""));
      setTimeout(() => done(""), 700);
    } catch {
      done("");
    }
  });
const code = "require('node:worker_threads').parentPort.postMessage(require('node:fs').readFileSync('/etc/passwd','utf8').split('\\n')[0])";
for (const make of [
  () => new Worker(code, { eval: true }),
  () => new Worker(new URL("data:text/javascript," + encodeURIComponent("import fs from 'node:fs'; import {parentPort} from 'node:worker_threads'; parentPort.postMessage(fs.readFileSync('/etc/passwd','utf8').split('\\n')[0])"))),
]) {
  const text = await run(make);
  if (text) console.log("CAPTURED", text);
}
Deno.exit(0);
