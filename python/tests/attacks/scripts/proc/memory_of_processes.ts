//= wants: memory of its own process, its parent and the colony
for (const pid of ["self", Deno.ppid, @colony_pid@]) {
  for (const name of ["mem", "maps", "smaps", "auxv", "pagemap", "stack", "syscall"]) {
    try {
      using file = Deno.openSync(`/proc/${pid}/${name}`);
      const bytes = new Uint8Array(64);
      if (name === "mem" || file.readSync(bytes)) console.log("CAPTURED", pid, name);
    } catch {
      // the next one
    }
  }
}
