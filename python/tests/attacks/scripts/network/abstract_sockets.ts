//= wants: a service on an abstract socket, which has no file to protect
import net from "node:net";
for (const path of ["\0@abstract@", "@" + "@abstract@"]) {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    console.log("CAPTURED");
  } catch {
    // the next one
  }
  try {
    net.connect(path, () => console.log("CAPTURED net")).on("error", () => {});
    await new Promise((done) => setTimeout(done, 200));
  } catch {
    // the next one
  }
}
Deno.exit(0);
