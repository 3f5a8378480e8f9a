//= wants: more than 512 MB, by the working memory of a key derivation
//= limit: 8
import { scrypt } from "node:crypto";
const peak = setInterval(() => {
  if (Deno.memoryUsage().rss > 640e6) {
    console.log("CAPTURED", Math.round(Deno.memoryUsage().rss / 1e6), "MB");
    Deno.exit(0);
  }
}, 5);
await new Promise((done, failed) =>
  scrypt("a", "b", 32, { N: 1 << 20, r: 8, p: 1, maxmem: 2 ** 31 }, (error, key) => error ? failed(error) : done(key))
);
clearInterval(peak);
console.log("CAPTURED", "a derivation with 1 GB");
