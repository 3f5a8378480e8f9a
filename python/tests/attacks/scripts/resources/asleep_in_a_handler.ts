//= wants: to outlive its limit, asleep in the kernel where SIGTERM finds nobody
//= limit: 1
//= endless: yes
Deno.addSignalListener("SIGTERM", () => {
  while (true) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1e9);
});
setInterval(() => {}, 1000);
