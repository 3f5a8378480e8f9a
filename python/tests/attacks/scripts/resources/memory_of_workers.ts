//= wants: more than 512 MB, spread over workers with heaps of their own
//= limit: 10
const code = "const kept = []; for (let n = 0; n < 11; n++) kept.push(new Uint8Array(16 << 20).fill(1)); postMessage(1); setInterval(() => kept.length, 1000)";
const url = "data:text/javascript," + encodeURIComponent(code);
const workers = Array.from({ length: 4 }, () => new Worker(url, { type: "module" }));
await Promise.all(workers.map((worker) => new Promise((done) => worker.onmessage = done)));
console.log("CAPTURED", Math.round(Deno.memoryUsage().rss / 1e6), "MB");
Deno.exit(0);
