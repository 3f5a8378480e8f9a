//= wants: a process that waits for ever: Atomics.wait, promises that never settle, stdin
//= limit: 1
setTimeout(() => {}, 1e8);
const shared = new Int32Array(new SharedArrayBuffer(4));
Atomics.wait(shared, 0, 0, 3500);
console.log("CAPTURED 3.5 s");
Deno.exit(0);
