//= wants: facts of the machine in /proc and /sys, and to change them
for (const path of ["/proc/cpuinfo", "/proc/meminfo", "/proc/version", "/sys/class/net/lo/address", "/proc/sys/kernel/hostname", "/etc/machine-id", "/etc/hostname"]) {
  try {
    console.log("CAPTURED", path, Deno.readTextFileSync(path).slice(0, 20).trim());
  } catch {
    // the next one
  }
}
for (const path of ["/proc/self/oom_score_adj", "/proc/self/coredump_filter", "/proc/self/timerslack_ns"]) {
  try {
    Deno.openSync(path, { write: true }).close();
    console.log("CAPTURED writing", path);
  } catch {
    // the next one
  }
}
