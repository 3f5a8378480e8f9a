//= wants: what others wrote into the file that its output goes to
//= stdout: file
import fs from "node:fs";
const bytes = new Uint8Array(64);
for (const number of [1, 2]) {
  try {
    if (fs.readSync(number, bytes, 0, 64, 0) > 0) console.log("CAPTURED", new TextDecoder().decode(bytes).split("\n")[0]);
  } catch {
    // the next one
  }
}
