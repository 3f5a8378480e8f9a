//= wants: a link beside the script that leads out, made by the script itself
import fs from "node:fs";
const ways: ((name: string) => unknown)[] = [
  (name) => Deno.symlinkSync("@outside@/secret.txt", name),
  (name) => Deno.linkSync("@outside@/secret.txt", name),
  (name) => fs.symlinkSync("@outside@/secret.txt", name),
  (name) => fs.linkSync("@outside@/secret.txt", name),
  (name) => Deno.renameSync("@outside@/secret.json", name),
];
for (const [number, way] of ways.entries()) {
  try {
    const name = `@folder@/made${number}`;
    way(name);
    console.log("CAPTURED", Deno.readTextFileSync(name).trim());
  } catch {
    // the next one
  }
}
