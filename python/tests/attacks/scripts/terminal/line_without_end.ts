//= wants: to fill the terminal and its scroll-back with one line
//= terminal: yes
//= limit: 3
//= bytes: 20000000
const text = new TextEncoder().encode("x".repeat(1 << 16));
for (let number = 0; number < 350; number++) Deno.stdout.writeSync(text);
console.log();
