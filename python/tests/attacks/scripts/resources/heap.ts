//= wants: more than 512 MB of heap
//= limit: 8
const kept: object[] = [];
while (Deno.memoryUsage().heapUsed < 700e6) {
  for (let number = 0; number < 100; number++) kept.push(new Array(10_000).fill({ number }));
}
console.log("CAPTURED", Math.round(Deno.memoryUsage().rss / 1e6), "MB");
