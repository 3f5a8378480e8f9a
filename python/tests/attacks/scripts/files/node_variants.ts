//= wants: a secret, by the less known ways of node: fs promises, streams, opendir, glob, cp, readv, statfs, process
import fs from "node:fs";
import { createInterface } from "node:readline";
import process from "node:process";
const target = "@home@/.ssh/id_ed25519";
const found: string[] = [];
const take = async (way: () => unknown) => {
  try {
    const value = await way();
    if (value !== undefined && value !== null) found.push(String(value));
  } catch {
    // the next one
  }
};
await take(() => fs.promises.readFile(target, "utf8"));
await take(async () => {
  const file = await fs.promises.open(target);
  return (await file.readFile()).toString();
});
await take(() => new Promise((resolve, reject) => fs.createReadStream(target).on("data", resolve).on("error", reject)));
await take(() => new Promise((resolve, reject) => {
  const input = fs.createReadStream(target).on("error", reject);
  createInterface({ input }).on("line", resolve).on("close", resolve);
}));
await take(() => fs.openAsBlob(target).then((blob) => blob.text()));
await take(() => fs.readFileSync(fs.openSync(target, "r"), "utf8"));
await take(() => [...fs.globSync("@home@/.ssh/*")][0]);
await take(() => fs.opendirSync("@home@/.ssh").readSync()?.name);
await take(() => process.loadEnvFile(target));
await take(() => process.getBuiltinModule("fs").readFileSync(target, "utf8"));
await take(() => (process as unknown as { binding(name: string): { internalModuleReadJSON?(path: string): string } }).binding("fs").internalModuleReadJSON?.(target));
await take(() => Deno.readTextFileSync(new URL("file://" + target)));
await take(() => import("node:module").then((m) => m.createRequire(target)(target)));
if (found.length) console.log("CAPTURED", found[0]);
