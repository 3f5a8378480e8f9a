//= wants: a Unix socket outside, by a link beside the script
//= link: colony.sock -> @unix@
import net from "node:net";
try {
  (await Deno.connect({ transport: "unix", path: "@folder@/colony.sock" })).close();
  console.log("CAPTURED");
} catch {
  // the next one
}
try {
  net.connect("@folder@/colony.sock", () => console.log("CAPTURED net")).on("error", () => {});
  await new Promise((done) => setTimeout(done, 200));
} catch {
  // the harness looks for the lines above
}
Deno.exit(0);
