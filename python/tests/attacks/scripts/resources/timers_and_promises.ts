//= wants: processor and memory, by timers and promises without number
//= limit: 1
const started = performance.now();
let count = 0;
const more = () => {
  count++;
  if (performance.now() - started > 3500) return;
  setTimeout(more, 0);
  if (count < 100_000) setTimeout(more, 0);
  Promise.resolve().then(() => {});
};
more();
setTimeout(() => {
  console.log("CAPTURED", count);
  Deno.exit(0);
}, 3500);
