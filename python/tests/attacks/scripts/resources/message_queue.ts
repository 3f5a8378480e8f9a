//= wants: more than 512 MB, in messages that nobody takes
//= limit: 8
const worker = new Worker("data:text/javascript,while(true){}", { type: "module" });
const bytes = new Uint8Array(16 << 20).fill(1);
for (let number = 0; number < 44; number++) worker.postMessage(bytes);
console.log("CAPTURED", Math.round(Deno.memoryUsage().rss / 1e6), "MB");
Deno.exit(0);
