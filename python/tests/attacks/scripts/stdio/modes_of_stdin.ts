//= wants: to change the file that it is fed with, and to read before where it stands
//= stdin: file
import fs from "node:fs";
try {
  fs.fchmodSync(0, 0o777);
} catch {
  // the harness looks at the file
}
try {
  fs.futimesSync(0, 1, 1);
} catch {
  // the harness looks at the file
}
