//= wants: threads without number, by workers
//= limit: 8
const workers: Worker[] = [];
let answers = 0;
for (let number = 0; number < 100; number++) {
  try {
    const worker = new Worker("data:text/javascript,postMessage(1);setInterval(()=>{},1e6)", { type: "module" });
    worker.onmessage = () => answers++;
    worker.onerror = (event) => event.preventDefault();
    workers.push(worker);
  } catch {
    break;
  }
  if (number % 10 === 9) await new Promise((done) => setTimeout(done, 30));
}
const end = performance.now() + 5000;
while (answers < 100 && performance.now() < end) await new Promise((done) => setTimeout(done, 50));
if (answers >= 100) console.log("CAPTURED", answers, "workers at once");
Deno.exit(0);
