//= wants: the same by stderr
//= limit: 4
//= bytes: 150000000
const text = new TextEncoder().encode("flood ".repeat(1 << 15));
for (let number = 0; number < 820; number++) Deno.stderr.writeSync(text);
