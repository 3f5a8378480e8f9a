//= wants: to write into its own process's memory, which runs code of its choice
import fs from "node:fs";
for (const path of ["/proc/self/mem", "/proc/self/task/../mem", "/proc/self/oom_score_adj", "/proc/self/comm", `/proc/${Deno.ppid}/mem`]) {
  try {
    fs.closeSync(fs.openSync(path, "r+"));
    console.log("CAPTURED", path);
  } catch {
    // the next one
  }
}
