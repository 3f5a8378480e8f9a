//= wants: to steer the process that started it, and the colony (signals that do no harm)
import process from "node:process";
for (const pid of [Deno.ppid, process.ppid, @colony_pid@, @harness@, -Deno.ppid]) {
  for (const way of [() => Deno.kill(pid, "SIGCONT"), () => process.kill(pid, "SIGCONT"), () => process.kill(pid, 0)]) {
    try {
      way();
      console.log("CAPTURED", pid === Deno.ppid ? "the parent" : "another", "took a signal");
    } catch {
      // the next one
    }
  }
}
