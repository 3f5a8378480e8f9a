//= wants: to end another process of the same user
import process from "node:process";
for (const way of [() => Deno.kill(@victim@, "SIGTERM"), () => process.kill(@victim@, "SIGKILL"), () => process.kill(@victim@, 0)]) {
  try {
    way();
    console.log("CAPTURED a signal was taken");
  } catch {
    // the next one
  }
}
await new Promise((done) => setTimeout(done, 100));
