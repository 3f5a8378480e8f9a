//= wants: to take connections from others
import http from "node:http";
import net from "node:net";
for (const hostname of ["0.0.0.0", "127.0.0.1", "::", "@colony_host@"]) {
  try {
    Deno.listen({ hostname, port: 0 }).close();
    console.log("CAPTURED", hostname);
  } catch {
    // the next one
  }
  try {
    await Deno.serve({ hostname, port: 0, onListen() {} }, () => new Response("x")).shutdown();
    console.log("CAPTURED serving", hostname);
  } catch {
    // the next one
  }
}
for (const make of [() => http.createServer(), () => net.createServer()]) {
  await new Promise((done) => {
    try {
      const server = make();
      server.on("error", done);
      server.listen(0, "127.0.0.1", () => {
        console.log("CAPTURED by node");
        server.close(done);
      });
    } catch {
      done(0);
    }
  });
}
