//= wants: more than 512 MB, by blobs, which are the engine's memory and not the script's
//= limit: 8
const kept: Blob[] = [];
const bytes = new Uint8Array(16 << 20).fill(1);
for (let number = 0; number < 44; number++) kept.push(new Blob([bytes]));
console.log("CAPTURED", Math.round(Deno.memoryUsage().rss / 1e6), "MB", kept.length);
