//= wants: the colony's memory, by large messages that never end
//= limit: 8
import http2 from "node:http2";
import { Buffer } from "node:buffer";
const part = Buffer.alloc(1 << 20);
const head = Buffer.alloc(5);
head.writeUInt32BE(30 << 20, 1);
// The port for agents takes large messages, but a script must not reach it; the one for queries takes none.
for (const address of ["@colony@", "@fleet@", "@colony@", "@fleet@", "@colony@", "@fleet@", "@colony@", "@fleet@"]) {
  const client = http2.connect(`http://${address}`);
  client.on("error", () => {});
  for (let number = 0; number < 10; number++) {
    const call = client.request({
      ":method": "POST",
      ":path": address === "@fleet@"
        ? "/coral.colony.v1.FleetService/Connect"
        : "/coral.colony.v1.QueryService/ListServices",
      "content-type": "application/grpc",
      te: "trailers",
    });
    call.on("error", () => {});
    call.write(head);
    let sent = 0;
    const more = () => {
      while (sent++ < 29) {
        if (!call.write(part)) return void call.once("drain", more);
      }
    };
    more();
  }
}
setTimeout(() => Deno.exit(0), 4000);
