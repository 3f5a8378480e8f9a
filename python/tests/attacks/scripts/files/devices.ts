//= wants: devices: memory, random numbers, the terminal, shared memory
const names = ["/dev/urandom", "/dev/zero", "/dev/tty", "/dev/mem", "/dev/kmsg", "/dev/null", "/dev/stdin", "/dev/fd/0"];
for (const name of names) {
  try {
    using _file = Deno.openSync(name, { read: true });
    console.log("CAPTURED reading", name);
  } catch {
    // the next one
  }
}
for (const name of ["/dev/null", "/dev/full", "/dev/shm/coral-attack-@harness@", "/dev/stdout", "/dev/fd/1"]) {
  try {
    const file = Deno.openSync(name, { write: true, create: name.includes("shm") });
    file.close();
    console.log("CAPTURED writing", name);
    if (name.includes("shm")) Deno.removeSync(name);
  } catch {
    // the next one
  }
}
