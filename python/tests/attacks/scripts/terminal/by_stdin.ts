//= wants: the same by stdin, which a terminal gives for writing too
//= terminal: yes
//= seen: \x1b\](52|0);
import tty from "node:tty";
const text = "\x1b]52;c;eA==\x07\x1b]0;owned\x07\n";
try {
  new tty.WriteStream(0).write(text);
} catch (error) {
  console.log(String(error));
}
