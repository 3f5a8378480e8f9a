//= wants: a file outside, by a chain of links
//= link: a.txt -> b.txt
//= link: b.txt -> c/d.txt
//= link: c/d.txt -> ../e/f.txt
//= link: e -> ../outside
//= link: outside/f.txt -> x
import fs from "node:fs";
try {
  Deno.symlinkSync("secret.txt", "@outside@/f.txt");
} catch {
  // only with all rights; what follows needs only a link that is there
}
for (const name of ["a.txt", "b.txt", "c/d.txt", "e/secret.txt"]) {
  try {
    console.log("CAPTURED", fs.readFileSync("@folder@/" + name, "utf8").trim());
  } catch {
    // the next one
  }
}
