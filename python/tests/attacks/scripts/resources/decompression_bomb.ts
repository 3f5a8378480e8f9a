//= wants: more than 512 MB, by a small text that unpacks to it
//= limit: 8
import zlib from "node:zlib";
const packed = zlib.gzipSync(new Uint8Array(64 << 20));
const kept: Uint8Array[] = [];
for (let number = 0; number < 11; number++) {
  const part = new Uint8Array(zlib.gunzipSync(packed));
  kept.push(part.fill(1));
}
console.log("CAPTURED", Math.round(Deno.memoryUsage().rss / 1e6), "MB", kept.length);
