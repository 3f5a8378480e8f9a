//= wants: to destroy a log that the user appends the output to; no permission covers descriptors 0 to 2
//= stdout: file
import fs from "node:fs";
for (const number of [1, 2]) {
  for (const way of [
    () => fs.ftruncateSync(number, 0),
    () => fs.writeSync(number, new TextEncoder().encode("FORGED\n"), 0, 7, 0),
  ]) {
    try {
      way();
    } catch {
      // the harness looks at the file
    }
  }
}
