//= wants: all processors, in workers that listen to nobody, while the main thread sleeps in Atomics.wait
//= limit: 1
//= endless: yes
const spin = URL.createObjectURL(new Blob(["while (true) {}"], { type: "text/javascript" }));
for (let number = 0; number < 6; number++) new Worker(spin, { type: "module" });
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
