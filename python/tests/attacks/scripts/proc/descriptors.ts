//= wants: what other processes have open
for (const pid of ["self", Deno.ppid, @colony_pid@]) {
  try {
    const names = [...Deno.readDirSync(`/proc/${pid}/fd`)].map((entry) => entry.name);
    console.log("CAPTURED", pid, names.length, Deno.readLinkSync(`/proc/${pid}/fd/1`));
  } catch {
    // the next one
  }
}
