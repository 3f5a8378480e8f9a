//= wants: more open files than a script has use for
const kept: Deno.FsFile[] = [];
try {
  while (kept.length < 3000) kept.push(Deno.openSync("@folder@/attack.ts"));
} catch {
  // no more
}
if (kept.length >= 3000) console.log("CAPTURED", kept.length);
