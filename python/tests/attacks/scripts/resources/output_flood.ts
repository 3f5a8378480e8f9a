//= wants: to fill the disk or the memory of whoever takes its output
//= limit: 4
//= bytes: 150000000
const text = new TextEncoder().encode("flood ".repeat(1 << 15));
for (let number = 0; number < 820; number++) Deno.stdout.writeSync(text);
