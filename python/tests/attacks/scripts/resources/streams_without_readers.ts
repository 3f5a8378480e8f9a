//= wants: more than 512 MB, in streams that are written without anybody who reads
//= limit: 8
const stream = new TransformStream(undefined, { highWaterMark: 1e9 }, { highWaterMark: 1e9 });
const writer = stream.writable.getWriter();
for (let number = 0; Deno.memoryUsage().rss < 700e6; number++) {
  writer.write(new Uint8Array(4 << 20).fill(number)).catch(() => {});
  if (number % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
}
console.log("CAPTURED", Math.round(Deno.memoryUsage().rss / 1e6), "MB");
