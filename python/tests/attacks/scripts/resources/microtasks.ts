//= wants: a processor, in microtasks that let no timer through
//= limit: 1
const end = performance.now() + 3500;
await (async () => {
  while (performance.now() < end) await null;
})();
console.log("CAPTURED 3.5 s");
