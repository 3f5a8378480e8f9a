//= wants: to feed the colony with false data, as an agent of its own invention
import http2 from "node:http2";
import { Buffer } from "node:buffer";
const hello = Buffer.concat([Buffer.from([0x0a, 7]), Buffer.from("mallory"), Buffer.from([0x12, 1]), Buffer.from("e")]);
const message = Buffer.concat([Buffer.from([0x0a, hello.length]), hello]);
const frame = Buffer.alloc(5 + message.length);
frame.writeUInt32BE(message.length, 1);
message.copy(frame, 5);
const session = http2.connect("http://@fleet@");
session.on("error", () => Deno.exit(0));
const call = session.request({
  ":method": "POST",
  ":path": "/coral.colony.v1.FleetService/Connect",
  "content-type": "application/grpc",
  te: "trailers",
});
call.on("data", (data) => {
  console.log("CAPTURED the colony welcomes an agent:", data.length, "bytes");
  Deno.exit(0);
});
call.on("error", () => {});
call.on("end", () => Deno.exit(0));
call.write(frame);
setTimeout(() => Deno.exit(0), 3000);
