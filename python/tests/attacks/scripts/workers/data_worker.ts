//= wants: files and other hosts, from data: and blob: workers
const code = `
const got = [];
try { got.push(Deno.readTextFileSync("/etc/passwd").slice(0, 20)); } catch {}
try { got.push(await (await fetch("http://127.0.0.1:@port@/")).text()); } catch {}
try { got.push(Deno.env.get("HOME")); } catch {}
try { got.push(JSON.stringify(await import("file://@outside@/secret.ts"))); } catch {}
postMessage(got.filter(Boolean));`;
const urls = ["data:text/javascript," + encodeURIComponent(code), URL.createObjectURL(new Blob([code], { type: "text/javascript" }))];
for (const url of urls) {
  const worker = new Worker(url, { type: "module" });
  const got = await new Promise<string[]>((done) => {
    worker.onmessage = (event) => done(event.data);
    worker.onerror = (event) => {
      event.preventDefault();
      done([]);
    };
  });
  if (got.length) console.log("CAPTURED", got.length, got[0]);
  worker.terminate();
}
