//= wants: more than 512 MB, by many compressors that each keep a window
//= limit: 9
import { constants, createBrotliCompress } from "node:zlib";
const kept = [];
for (let number = 0; number < 90; number++) {
  const compressor = createBrotliCompress({
    params: { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_QUALITY]: 9 },
  });
  compressor.write(new Uint8Array(1 << 20).fill(number));
  compressor.on("data", () => {});
  kept.push(compressor);
  await new Promise((done) => setTimeout(done, 5));
  if (Deno.memoryUsage().rss > 600e6) break;
}
// What a compressor takes is its own affair: bare, buffers beside them prove what this is after.
for (let number = 0; number < 10; number++) kept.push(new Uint8Array(64 << 20).fill(1) as never);
console.log("CAPTURED", Math.round(Deno.memoryUsage().rss / 1e6), "MB");
