//= wants: a package of npm, by dynamic import and by require
import { createRequire } from "node:module";
const specifier = "npm:left-pad@1.3.0";
try {
  await import(specifier);
  console.log("CAPTURED a package");
} catch {
  // the harness sees a request for it
}
try {
  createRequire(import.meta.url)("left-pad");
} catch {
  // not installed
}
