//= wants: the environment of processes, by computed imports
for (const pid of ["self", String(Deno.ppid), "thread-self"]) {
  for (const name of ["environ", "cmdline", "maps", "status"]) {
    try {
      const { default: text } = await import(`file:///proc/${pid}/${name}`, { with: { type: "text" } });
      console.log("CAPTURED", pid, name, text.length);
    } catch {
      // the next one
    }
  }
}
