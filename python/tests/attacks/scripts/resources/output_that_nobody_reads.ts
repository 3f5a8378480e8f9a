//= wants: to be there for ever, waiting for stdin and writing to pipes
//= limit: 1
//= endless: yes
const text = new TextEncoder().encode("x".repeat(1000));
setInterval(() => Deno.stdout.writeSync(text.subarray(0, 10)), 100);
for await (const _ of Deno.stdin.readable) {
  // nobody types
}
await new Promise(() => setInterval(() => {}, 1000));
