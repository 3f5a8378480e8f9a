//= wants: more than 512 MB, by strings outside the heap's count
//= limit: 8
const kept: string[] = [];
const bytes = new Uint8Array(16 << 20).fill(120);
for (let number = 0; number < 44; number++) {
  bytes[0] = 65 + number;
  kept.push(new TextDecoder().decode(bytes));
}
console.log("CAPTURED", Math.round(Deno.memoryUsage().rss / 1e6), "MB", kept.length);
