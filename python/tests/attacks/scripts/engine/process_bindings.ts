//= wants: Node's inner bindings, below its public modules
import process from "node:process";
const hidden = process as unknown as Record<string, ((name: string) => Record<string, (...values: unknown[]) => unknown>) | undefined>;
const got: string[] = [];
for (const way of ["binding", "_linkedBinding", "internalBinding"]) {
  for (const name of ["fs", "os", "process_wrap", "spawn_sync", "natives", "tcp_wrap", "pipe_wrap", "uv"]) {
    try {
      const binding = hidden[way]?.(name);
      if (name === "fs" && binding) got.push(String(binding.internalModuleReadJSON?.("/etc/passwd") ?? ""));
      if (name === "os" && binding) got.push(String(binding.getHostname?.() ?? ""));
    } catch {
      // the next one
    }
  }
}
if (got.filter(Boolean).length) console.log("CAPTURED", got.join(" ").slice(0, 60));
try {
  console.log("CAPTURED", process.getBuiltinModule("node:fs").readFileSync("/etc/passwd", "utf8").split("\n")[0]);
} catch {
  // refused
}
