//= wants: to send data by WebSocket, WebSocketStream and EventSource
const open = (make: () => EventTarget & { close(): void }) =>
  new Promise((done) => {
    try {
      const made = make();
      made.addEventListener("open", () => done(console.log("CAPTURED")));
      made.addEventListener("error", (event) => {
        event.preventDefault();
        done(0);
      });
      setTimeout(done, 800);
    } catch {
      done(0);
    }
  });
await open(() => new WebSocket("ws://127.0.0.1:@port@/stolen"));
await open(() => new EventSource("http://127.0.0.1:@port@/stolen"));
Deno.exit(0);
