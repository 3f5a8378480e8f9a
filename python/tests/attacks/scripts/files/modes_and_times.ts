//= wants: to open the user's files to others, or to hide traces: modes, owners, times
import fs from "node:fs";
const path = "@outside@/secret.txt";
const ways: (() => unknown)[] = [
  () => Deno.chmodSync(path, 0o777),
  () => Deno.chownSync(path, 65534, 65534),
  () => Deno.utimeSync(path, 0, 0),
  () => fs.chmodSync(path, 0o666),
  () => fs.utimesSync(path, 1, 1),
  () => fs.lutimesSync(path, 1, 1),
  () => fs.lchownSync(path, 65534, 65534),
];
for (const [number, way] of ways.entries()) {
  try {
    way();
    console.log("CAPTURED way", number);
  } catch {
    // the next one
  }
}
