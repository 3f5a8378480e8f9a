//= wants: to learn which files exist outside: answers that differ between one that is there and one that is not
import fs from "node:fs";
import { createRequire } from "node:module";
const require = createRequire(import.meta.url);
const questions: Record<string, (path: string) => unknown> = {
  stat: (path) => Deno.statSync(path).size,
  lstat: (path) => Deno.lstatSync(path).size,
  realPath: (path) => Deno.realPathSync(path),
  open: (path) => Deno.openSync(path).close(),
  readTextFile: (path) => Deno.readTextFileSync(path).length,
  existsSync: (path) => fs.existsSync(path),
  accessSync: (path) => fs.accessSync(path),
  statfs: (path) => fs.statfsSync(path).blocks,
  readlink: (path) => fs.readlinkSync(path),
  resolve: (path) => require.resolve(path),
  require: (path) => require(path),
  watch: (path) => Deno.watchFs(path).close(),
  remove: (path) => Deno.removeSync(path + "/x"),
  chdir: (path) => Deno.chdir(path),
  worker: (path) => new Worker("file://" + path, { type: "module" }).terminate(),
};
function answer(question: (path: string) => unknown, path: string): string {
  try {
    return `yes ${question(path)}`;
  } catch (error) {
    return `${(error as Error).name} ${(error as Error).message}`.replaceAll(/secret|absent/g, "");
  }
}
for (const [name, question] of Object.entries(questions)) {
  const there = answer(question, "@outside@/secret.cjs");
  const absent = answer(question, "@outside@/absent.cjs");
  if (there !== absent) console.log("CAPTURED", name, "tells them apart:", there, "/", absent);
}
try {
  await import("@outside@/secret.ts");
} catch {
  // its answer is compared below
}
const texts = [];
for (const name of ["secret", "absent"]) {
  try {
    texts.push(Object.keys(await import("@outside@/" + name + ".ts")).join());
  } catch (error) {
    texts.push(String(error).replaceAll(/secret|absent/g, ""));
  }
}
if (texts[0] !== texts[1]) console.log("CAPTURED import tells them apart:", texts.join(" / "));
