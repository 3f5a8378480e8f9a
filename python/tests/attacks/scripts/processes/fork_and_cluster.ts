//= wants: a second engine with rights of its own, by fork, cluster and execve
//= limit: 5
/*= child.js
console.log("CAPTURED a child runs");
=*/
import child from "node:child_process";
import process from "node:process";
try {
  const forked = child.fork("@folder@/child.js", [], {});
  forked.on("error", () => {});
  await new Promise((done) => {
    forked.on("exit", done);
    setTimeout(done, 2000);
  });
} catch {
  // the next one
}
try {
  (process as unknown as { execve: (file: string, args: string[], env: object) => void })
    .execve("/bin/echo", ["/bin/echo", "CAPTURED another program took our place"], {});
} catch {
  // the harness looks for the lines above
}
Deno.exit(0);
