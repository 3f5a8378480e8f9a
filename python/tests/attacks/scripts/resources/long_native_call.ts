//= wants: a processor, in one native call that cannot be interrupted
//= limit: 1
const started = performance.now();
let big = 3n ** 200_000n;
for (let number = 0; number < 40 && performance.now() - started < 3500; number++) {
  big = big * big;
  if (big.toString().length > 50_000_000) big = 3n ** 200_000n;
}
while (performance.now() - started < 3500) [..."x".repeat(1e6)].sort();
console.log("CAPTURED 3.5 s");
