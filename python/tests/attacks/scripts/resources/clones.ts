//= wants: more than 512 MB, in messages that are cloned to ports which nobody reads
//= limit: 8
const kept: MessagePort[] = [];
const piece = new Uint8Array(8 << 20).fill(7);
while (Deno.memoryUsage().rss < 700e6) {
  const { port1, port2 } = new MessageChannel();
  for (let number = 0; number < 4; number++) port1.postMessage(structuredClone(piece));
  kept.push(port1, port2);
}
console.log("CAPTURED", Math.round(Deno.memoryUsage().rss / 1e6), "MB");
