//= wants: which processes run, with their command lines, users and connections
const found: string[] = [];
for (const path of ["/proc/@victim@/cmdline", "/proc/1/status", "/proc/net/tcp", "/proc/self/net/unix", "/proc/mounts"]) {
  try {
    found.push(Deno.readTextFileSync(path).slice(0, 20));
  } catch {
    // the next one
  }
}
try {
  found.push(...[...Deno.readDirSync("/proc")].map((entry) => entry.name));
} catch {
  // the harness looks at what was found
}
if (found.length) console.log("CAPTURED", found.length, JSON.stringify(found[0]));
