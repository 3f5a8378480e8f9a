//= wants: more rights in a worker than its parent has
//= bare: -A --unstable-worker-options
/*= worker.js
try { postMessage(Deno.readTextFileSync("/etc/passwd").split("\n")[0]); } catch (error) { postMessage(""); }
=*/
for (const permissions of ["inherit", { read: true }, { read: ["/etc"] }, { read: "inherit", net: true }]) {
  try {
    const worker = new Worker(import.meta.resolve("./worker.js"), { type: "module", deno: { permissions } } as WorkerOptions);
    const got = await new Promise((done) => {
      worker.onmessage = (event) => done(event.data);
      worker.onerror = (event) => {
        event.preventDefault();
        done("");
      };
    });
    if (got) console.log("CAPTURED", got);
    worker.terminate();
  } catch {
    // the next one
  }
}
