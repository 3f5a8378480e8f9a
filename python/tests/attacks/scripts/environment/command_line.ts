//= wants: what the command line tells: paths, flags, tokens, Coral's own folders
import process from "node:process";
const told: string[] = [];
for (const read of [() => process.execArgv.join(" "), () => Deno.readTextFileSync("/proc/self/cmdline"), () => Deno.readLinkSync("/proc/self/cwd")]) {
  try {
    const text = read();
    if (text.includes("/")) told.push(text.replaceAll("\0", " "));
  } catch {
    // the next one
  }
}
if (told.length) console.log("CAPTURED", told.join(" | "));
