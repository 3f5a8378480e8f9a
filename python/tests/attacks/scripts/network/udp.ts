//= wants: to send a datagram out
//= bare: -A --unstable-net
try {
  const socket = Deno.listenDatagram({ port: 0, transport: "udp", hostname: "127.0.0.1" });
  await socket.send(new TextEncoder().encode("stolen"), { transport: "udp", hostname: "127.0.0.1", port: @udp@ });
  console.log("CAPTURED by listenDatagram");
  socket.close();
} catch {
  // the next one
}
