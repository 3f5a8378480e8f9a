//= wants: code outside and from the network, as workers
for (const url of ["file://@outside@/secret.js", "http://127.0.0.1:@port@/worker.js", "../outside/secret.js"]) {
  try {
    const worker = new Worker(new URL(url, import.meta.url).href, { type: "module" });
    const loaded = await new Promise((done) => {
      worker.onerror = (event) => {
        event.preventDefault();
        done(false);
      };
      setTimeout(() => done(true), 400);
    });
    if (loaded) console.log("CAPTURED", url);
    worker.terminate();
  } catch {
    // the next one
  }
}
