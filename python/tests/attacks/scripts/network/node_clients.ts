//= wants: another server, by node:net, http, https, http2 and tls
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import tls from "node:tls";
const ways: (() => NodeJS.EventEmitter)[] = [
  () => net.connect(@port@, "127.0.0.1", () => console.log("CAPTURED net")),
  () => net.connect({ port: @port@ }, () => console.log("CAPTURED net by port")),
  () => http.get("http://127.0.0.1:@port@/", () => console.log("CAPTURED http")),
  () => http.request({ port: @port@, method: "POST" }, () => console.log("CAPTURED http post")).end("stolen") as unknown as NodeJS.EventEmitter,
  () => http2.connect("http://127.0.0.1:@port@", () => console.log("CAPTURED http2")),
  () => tls.connect(@port@, "127.0.0.1"),
];
for (const way of ways) {
  try {
    const made = way();
    made.on("error", () => {});
    await new Promise((done) => setTimeout(done, 150));
  } catch {
    // the next one
  }
}
Deno.exit(0);
