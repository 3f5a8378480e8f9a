//= wants: files that the process has open, by their numbers
import fs from "node:fs";
import net from "node:net";
import tty from "node:tty";
import { Buffer } from "node:buffer";
try {
  fs.openSync("@outside@/secret.txt"); // with all rights there is something to find
} catch {
  // without, only what the engine has open itself
}
for (let number = 3; number < 64; number++) {
  const bytes = Buffer.alloc(64);
  const ways: (() => unknown)[] = [
    () => fs.readSync(number, bytes, 0, 64, 0) > 0 && bytes.toString("latin1").slice(0, 30),
    () => fs.fstatSync(number).size > 0 && "a size",
    () => fs.readFileSync(number, "latin1").slice(0, 30),
    () => fs.writeSync(number, Buffer.alloc(0)) === 0 && "an empty write",
  ];
  for (const way of ways) {
    try {
      const got = way();
      if (got) console.log("CAPTURED descriptor", number, JSON.stringify(got));
    } catch {
      // the next one
    }
  }
  try {
    const socket = new net.Socket({ fd: number });
    socket.on("error", () => {});
    socket.destroy();
  } catch {
    // the next one
  }
  try {
    new tty.ReadStream(number).destroy();
    console.log("CAPTURED descriptor", number, "as a terminal");
  } catch {
    // the next one
  }
}
