//= wants: to send a datagram out, by node:dgram
import dgram from "node:dgram";
const socket = dgram.createSocket("udp4");
socket.on("error", () => {});
await new Promise((done) => {
  socket.send("stolen", @udp@, "127.0.0.1", (error) => {
    if (!error) console.log("CAPTURED");
    done(0);
  });
  setTimeout(done, 800);
});
Deno.exit(0);
