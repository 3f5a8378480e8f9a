//= bare: -A --unstable-net
//= wants: the colony's own port, shared by SO_REUSEPORT: agents and other scripts would talk to the attacker
import net from "node:net";
const ways: (() => { close(): void })[] = [
  () => Deno.listen({ hostname: "@colony_host@", port: @colony_port@, reusePort: true } as Deno.ListenOptions),
  () => Deno.listen({ hostname: "@colony_host@", port: @colony_port@ }),
  () => Deno.serve({ hostname: "@colony_host@", port: @colony_port@, reusePort: true, onListen() {} }, () => new Response("x")) as unknown as { close(): void },
];
for (const way of ways) {
  try {
    const listener = way();
    console.log("CAPTURED the colony's port");
    listener.close?.();
  } catch {
    // the next one
  }
}
for (const options of [{ reusePort: true }, {}]) {
  await new Promise((done) => {
    try {
      const server = net.createServer();
      server.on("error", done);
      server.listen({ host: "@colony_host@", port: @colony_port@, ...options }, () => {
        console.log("CAPTURED by node");
        server.close(done);
      });
    } catch {
      done(0);
    }
  });
}
// Where nothing shares the port, another address of this host proves that a script can listen at all.
try {
  Deno.listen({ hostname: "127.0.0.3", port: @colony_port@ }).close();
  console.log("CAPTURED the port on another address");
} catch {
  // the harness looks for the lines above
}
Deno.exit(0);
