//= wants: to open a log to everybody, to date it back, to lock its owner out
//= stdout: file
import fs from "node:fs";
for (const number of [0, 1, 2]) {
  for (const way of [
    () => fs.fchmodSync(number, 0o777),
    () => fs.futimesSync(number, 1, 1),
    () => fs.fchownSync(number, 65534, 65534),
  ]) {
    try {
      way();
    } catch {
      // the harness looks at the file
    }
  }
}
