//= wants: to change the user's files
import fs from "node:fs";
const ways: ((path: string) => unknown)[] = [
  (path) => Deno.writeTextFile(path, "owned"),
  (path) => Deno.writeFileSync(path, new Uint8Array([1])),
  (path) => Deno.create(path),
  (path) => Deno.open(path, { append: true }),
  (path) => fs.writeFileSync(path, "owned"),
  (path) => fs.appendFileSync(path, "owned"),
  (path) => fs.promises.writeFile(path, "owned"),
  (path) => new Promise((done, failed) => fs.createWriteStream(path).on("error", failed).on("finish", done).end("owned")),
  (path) => Deno.truncateSync(path),
  (path) => fs.truncateSync(path),
  (path) => Deno.mkdirSync(path + ".d"),
  (path) => fs.mkdirSync(path + ".e"),
];
for (const path of ["@outside@/secret.txt", "@outside@/new.txt", "@home@/.bashrc", "@home@/.config/autostart"]) {
  for (const way of ways) {
    try {
      await way(path);
      console.log("CAPTURED", path);
    } catch {
      // the next one
    }
  }
}
