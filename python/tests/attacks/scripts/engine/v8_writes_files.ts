//= wants: files of its choice, written by V8's tracing, which no permission covers
import v8 from "node:v8";
const flags = [
  "--trace-turbo --trace-turbo-path=@tmp@ --trace-turbo-file-prefix=planted --trace-turbo-cfg-file=@tmp@/planted.cfg",
  "--redirect-code-traces --redirect-code-traces-to=@tmp@/planted.asm --print-opt-code --code-comments",
  "--logfile=@tmp@/planted.log --log-all --no-logfile-per-isolate --log",
  "--perf-basic-prof --perf-basic-prof-path=@tmp@",
  "--perf-prof --perf-prof-path=@tmp@",
  "--turbo-filter=*",
];
for (const flag of flags) {
  for (const one of flag.split(" ")) {
    try {
      v8.setFlagsFromString(one);
    } catch {
      // the next one
    }
  }
}
function hot(number: number): number {
  let sum = 0;
  for (let index = 0; index < 1000; index++) sum += (index * number) % 7;
  return sum;
}
let total = 0;
for (let number = 0; number < 30_000; number++) total += hot(number);
console.log(total > 0);
await import("data:text/javascript,export const x = 1;");
const worker = new Worker("data:text/javascript,postMessage(1)", { type: "module" });
await new Promise((done) => worker.onmessage = done);
worker.terminate();
try {
  Deno.writeTextFileSync("@tmp@/planted.txt", "x"); // what it is after, where V8's flags are frozen
} catch {
  // the harness looks for files
}
