//= wants: a larger heap, by changing the engine's flags while it runs
//= limit: 8
import v8 from "node:v8";
try {
  v8.setFlagsFromString("--max-old-space-size=4096");
  v8.setFlagsFromString("--max-heap-size=4096");
} catch {
  // the heap is as large as it is
}
const worker = new Worker(
  "data:text/javascript," + encodeURIComponent(
    "const kept = []; for (let n = 0; n < 900; n++) kept.push(new Array(100_000).fill(n + 0.5)); postMessage(kept.length)",
  ),
  { type: "module" },
);
await new Promise((done) => worker.onmessage = done);
console.log("CAPTURED", Math.round(Deno.memoryUsage().rss / 1e6), "MB");
Deno.exit(0);
