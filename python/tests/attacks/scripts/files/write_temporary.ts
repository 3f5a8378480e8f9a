//= wants: to keep something in temporary folders
import fs from "node:fs";
const ways: (() => unknown)[] = [
  () => Deno.makeTempFileSync(),
  () => Deno.makeTempDirSync(),
  () => Deno.makeTempFile({ dir: "/var/tmp" }),
  () => Deno.writeTextFile("@tmp@/a", "x"),
  () => fs.mkdtempSync("@tmp@/b"),
  () => fs.promises.mkdtemp("@tmp@/c"),
];
for (const way of ways) {
  try {
    console.log("CAPTURED", await way());
  } catch {
    // the next one
  }
}
