//= wants: to stop its own process group, whoever else is in it, and to stop itself so that its limit never comes
//= limit: 2
import process from "node:process";
for (const way of [() => process.kill(0, "SIGCONT"), () => process.kill(-Deno.pid, "SIGCONT")]) {
  try {
    way();
    console.log("CAPTURED a signal was sent");
  } catch {
    // the next one
  }
}
