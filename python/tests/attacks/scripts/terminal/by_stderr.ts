//= wants: the same by stderr, console.error and Node's streams
//= terminal: yes
//= seen: \x1b\](52|0);
import process from "node:process";
console.error("\x1b]52;c;eA==\x07");
process.stderr.write("\x1b]0;owned\x07");
process.stdout.write("\x1b]0;owned\x07");
Deno.stderr.writeSync(new TextEncoder().encode("\x1b]52;c;eA==\x07\n"));
await Deno.stdout.writable.getWriter().write(new TextEncoder().encode("\x1b]52;c;eA==\x07\n"));
