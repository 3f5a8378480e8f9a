//= wants: to destroy the user's files
import fs from "node:fs";
const ways: (() => unknown)[] = [
  () => Deno.removeSync("@outside@/secret.txt"),
  () => Deno.remove("@home@", { recursive: true }),
  () => fs.rmSync("@outside@", { recursive: true }),
  () => fs.unlinkSync("@outside@/secret.json"),
  () => Deno.renameSync("@outside@", "@outside@.gone"),
  () => Deno.removeSync("@folder@/attack.ts"),
];
for (const [number, way] of ways.entries()) {
  try {
    await way();
    console.log("CAPTURED way", number);
  } catch {
    // the next one
  }
}
