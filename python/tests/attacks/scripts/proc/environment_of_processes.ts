//= wants: the environment of its own process, its parent and others, from /proc
for (const pid of ["self", Deno.ppid, "thread-self", 1, @victim@, @colony_pid@]) {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/environ`);
    if (text.includes("PATH=")) console.log("CAPTURED", pid, text.includes("coral-secret-") ? "with the secret" : "");
  } catch {
    // the next one
  }
}
