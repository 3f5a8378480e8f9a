//= wants: a connection and a file that the caller has open, by their numbers
import fs from "node:fs";
import net from "node:net";
import { Buffer } from "node:buffer";
try {
  const socket = new net.Socket({ fd: @inherited@, readable: true, writable: true });
  await new Promise((done) => {
    socket.on("error", done);
    socket.on("data", (data) => done(console.log("CAPTURED", data.toString().trim())));
    socket.write("stolen");
    setTimeout(done, 300);
  });
  socket.destroy();
} catch {
  // the next one
}
const bytes = Buffer.alloc(64);
for (const way of [() => fs.readSync(@inherited_file@, bytes, 0, 64, 0), () => fs.readFileSync("/dev/fd/@inherited_file@").copy(bytes), () => fs.readFileSync("/proc/self/fd/@inherited_file@").copy(bytes)]) {
  try {
    way();
    if (bytes.includes("coral-secret-")) console.log("CAPTURED the file", bytes.toString().trim());
  } catch {
    // the next one
  }
}
Deno.exit(0);
