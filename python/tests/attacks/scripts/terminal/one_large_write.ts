//= wants: to flood the terminal by one write, which the kernel counts when it is done
//= terminal: yes
//= bytes: 12582912
const large = new Uint8Array(64 << 20).fill(0x61);
for (let line = 0; line < large.length; line += 80) large[line] = 0x0a;
Deno.stdout.writeSync(large);
