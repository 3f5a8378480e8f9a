//= wants: code outside, by a classic worker's importScripts
const code = "try { importScripts('http://127.0.0.1:@port@/x.js'); postMessage('loaded') } catch (error) { postMessage('') }";
try {
  const worker = new Worker("data:text/javascript," + encodeURIComponent(code), { type: "classic" } as WorkerOptions);
  const text = await new Promise((done) => {
    worker.onmessage = (event) => done(event.data);
    worker.onerror = (event) => {
      event.preventDefault();
      done("");
    };
    setTimeout(() => done(""), 500);
  });
  if (text) console.log("CAPTURED", text);
} catch {
  // the next one
}
// Classic workers are gone from Deno; a module worker that fetches code and runs it stands in.
const fetching = "const t = await (await fetch('http://127.0.0.1:@port@/x.js')).text(); new Function(t.replace('export ', ''))(); postMessage('ran')";
const worker = new Worker("data:text/javascript," + encodeURIComponent(fetching), { type: "module" });
worker.onmessage = (event) => {
  console.log("CAPTURED", event.data);
  Deno.exit(0);
};
worker.onerror = (event) => {
  event.preventDefault();
  Deno.exit(0);
};
