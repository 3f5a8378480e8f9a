//= wants: the engine's stack, by nesting that ends it without a word
//= limit: 2
const text = "[".repeat(2_000_000) + "]".repeat(2_000_000);
const ways: (() => unknown)[] = [
  () => JSON.parse(text),
  () => new RegExp("(".repeat(100_000) + ")".repeat(100_000)),
  () => (0, eval)("(".repeat(100_000) + "1" + ")".repeat(100_000)),
  () => {
    const again = (): number => again() + 1;
    return again();
  },
];
let survived = 0;
for (const way of ways) {
  try {
    way();
  } catch {
    survived++;
  }
}
console.log("errors:", survived);
// Nothing is got by it under bare Deno either but time; what counts is an end with a documented code.
const end = performance.now() + 4500;
while (performance.now() < end);
console.log("CAPTURED more time than its limit");
