//= wants: to be there for ever, stopped, where no signal but one is taken
//= limit: 1
//= endless: yes
import process from "node:process";
for (const way of [() => Deno.kill(Deno.pid, "SIGSTOP"), () => process.kill(process.pid, "SIGSTOP")]) {
  try {
    way();
  } catch {
    // the next one
  }
}
setInterval(() => {}, 1000);
