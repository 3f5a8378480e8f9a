//= wants: 200 MB, 4 workers, a second of processor time, a megabyte of output
const kept = Array.from({ length: 12 }, () => new Uint8Array(16 << 20).fill(1));
const workers = Array.from({ length: 4 }, () => new Worker("data:text/javascript,postMessage(1)", { type: "module" }));
await Promise.all(workers.map((worker) => new Promise((done) => worker.onmessage = done)));
for (const worker of workers) worker.terminate();
const end = performance.now() + 700;
while (performance.now() < end);
for (let number = 0; number < 16; number++) console.log("x".repeat(1 << 16));
if (kept.length === 12) console.log("WORKS");
