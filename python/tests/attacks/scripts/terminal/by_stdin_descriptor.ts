//= wants: the same by Node's calls on descriptor 0 and on what it is a link to
//= terminal: yes
//= seen: \x1b\](52|0);
import fs from "node:fs";
import net from "node:net";
const text = "\x1b]52;c;eA==\x07\x1b]0;owned\x07\n";
const ways = [
  () => fs.writeSync(0, text),
  () => fs.writeFileSync(0, text),
  () => fs.createWriteStream("", { fd: 0 }).write(text),
  () => new net.Socket({ fd: 0, writable: true, readable: false }).write(text),
  () => Deno.writeTextFileSync("/dev/stdin", text),
  () => Deno.writeTextFileSync("/proc/self/fd/0", text),
  () => Deno.writeTextFileSync("/dev/tty", text),
];
for (const way of ways) {
  try {
    way();
  } catch (error) {
    console.log(String(error));
  }
}
