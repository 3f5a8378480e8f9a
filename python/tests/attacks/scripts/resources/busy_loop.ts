//= wants: a processor for longer than its limit
//= limit: 1
const end = performance.now() + 3500;
while (performance.now() < end);
console.log("CAPTURED 3.5 s");
