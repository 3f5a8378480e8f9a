//= wants: a file outside, by reading through a linked folder
//= link: lib -> @outside@
//= link: deep/er/lib -> ../../../outside
import fs from "node:fs";
for (const path of ["lib/secret.txt", "deep/er/lib/secret.txt", "./lib/../lib/secret.txt"]) {
  for (const read of [Deno.readTextFileSync, (path: string) => fs.readFileSync(path, "utf8")]) {
    try {
      console.log("CAPTURED", read("@folder@/" + path).trim());
    } catch {
      // the next one
    }
  }
}
for (const list of [() => [...Deno.readDirSync("@folder@/lib")], () => fs.readdirSync("@folder@/lib")]) {
  try {
    console.log("CAPTURED", list().length, "names");
  } catch {
    // the next one
  }
}
