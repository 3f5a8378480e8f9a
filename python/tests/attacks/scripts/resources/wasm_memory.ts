//= wants: more than 512 MB, by memories of WebAssembly
//= limit: 8
const kept: Uint8Array[] = [];
for (let number = 0; number < 11; number++) {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1024 });
  memory.grow(1023);
  kept.push(new Uint8Array(memory.buffer).fill(1));
}
console.log("CAPTURED", Math.round(Deno.memoryUsage().rss / 1e6), "MB");
