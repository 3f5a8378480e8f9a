//= wants: more than 512 MB, by shared and by resizable buffers
//= limit: 8
const kept: Uint8Array[] = [];
for (let number = 0; number < 22; number++) {
  kept.push(new Uint8Array(new SharedArrayBuffer(16 << 20)).fill(1));
  const growing = new ArrayBuffer(1, { maxByteLength: 16 << 20 });
  growing.resize(16 << 20);
  kept.push(new Uint8Array(growing).fill(1));
}
console.log("CAPTURED", Math.round(Deno.memoryUsage().rss / 1e6), "MB");
