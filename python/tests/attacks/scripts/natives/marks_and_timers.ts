//= wants: more than 512 MB, by records that the runtime keeps: marks of performance
//= limit: 9
const detail = "x".repeat(1 << 20);
for (let number = 0; number < 700; number++) performance.mark(`m${number}`, { detail: detail + number });
const kept = [];
for (let number = 0; number < 10; number++) kept.push(new Uint8Array(70 << 20).fill(1));
console.log("CAPTURED", performance.getEntries().length, kept.length);
