//= wants: more than 512 MB outside the heap, by array buffers
//= limit: 8
const kept: Uint8Array[] = [];
for (let number = 0; number < 44; number++) kept.push(new Uint8Array(16 << 20).fill(1));
console.log("CAPTURED", Math.round(Deno.memoryUsage().rss / 1e6), "MB");
