//= wants: a worker from a data: URL, one from a file, WebAssembly, compression, crypto
/*= worker.ts
postMessage(2);
=*/
const answer = (worker: Worker) =>
  new Promise<number>((done, failed) => {
    worker.onmessage = (event) => done(event.data);
    worker.onerror = failed;
  });
const data = new Worker("data:text/javascript,postMessage(1)", { type: "module" });
const file = new Worker(import.meta.resolve("./worker.ts"), { type: "module" });
// Both are listened to before either is waited for: a worker does not wait with its message.
const [first, second] = await Promise.all([answer(data), answer(file)]);
const sum = first + second;
data.terminate();
file.terminate();
const module = new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(1000));
const packed = await new Response(new Blob(["x".repeat(1000)]).stream().pipeThrough(new CompressionStream("gzip"))).bytes();
if (sum === 3 && module && digest.byteLength === 32 && packed.length < 100) console.log("WORKS");
