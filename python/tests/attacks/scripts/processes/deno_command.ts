//= wants: to start programs, by every way that Deno has
const commands = ["/bin/sh", "sh", "/usr/bin/env", Deno.build.os === "linux" ? "/proc/self/exe" : "deno"];
for (const command of commands) {
  for (const way of ["outputSync", "output", "spawn"] as const) {
    try {
      const made = new Deno.Command(command, { args: ["-c", "exit 0"], stdout: "null", stderr: "null", stdin: "null" });
      const got = await made[way]();
      if ("status" in got) await got.status;
      console.log("CAPTURED", command, way);
    } catch {
      // the next one
    }
  }
}
