//= wants: a processor, by a regular expression that goes back for years
//= limit: 1
const worker = new Worker("data:text/javascript,/^(a%2B)%2B$/.test('a'.repeat(40)%2B'!')", { type: "module" });
setTimeout(() => {
  console.log("CAPTURED 3.5 s");
  Deno.exit(0);
}, 3500);
worker.onerror = () => {};
