//= wants: 1 GB of memory in tables of WebAssembly, which no limit of V8 counts
//= limit: 8
const kept = [];
for (let number = 0; number < 14; number++) {
  const table = new WebAssembly.Table({ element: "externref", initial: 9_000_000 });
  kept.push(table);
}
if (Deno.memoryUsage().rss > 700e6) console.log("CAPTURED", Math.round(Deno.memoryUsage().rss / 1e6), "MB");
