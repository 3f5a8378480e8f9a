//= wants: code outside, as a worker by a link
//= link: worker.js -> @outside@/secret.js
const worker = new Worker(import.meta.resolve("./worker.js"), { type: "module" });
const ended = await new Promise<string>((done) => {
  worker.onerror = (event) => {
    event.preventDefault();
    done("");
  };
  setTimeout(() => done("loaded"), 400);
});
if (ended) console.log("CAPTURED the worker's code was", ended);
Deno.exit(0);
