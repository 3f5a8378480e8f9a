//= wants: to learn the network around it
import os from "node:os";
for (const way of [() => Deno.networkInterfaces(), () => os.networkInterfaces(), () => os.hostname(), () => Deno.hostname()]) {
  try {
    const got = way();
    if (got) console.log("CAPTURED", JSON.stringify(got).slice(0, 60));
  } catch {
    // the next one
  }
}
