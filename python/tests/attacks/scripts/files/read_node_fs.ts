//= wants: a file outside, by every reading function of node:fs
import fs from "node:fs";
import { Buffer } from "node:buffer";
import { pipeline } from "node:stream/promises";
const path = "@outside@/secret.txt";
const ways: (() => unknown)[] = [
  () => fs.readFileSync(path, "utf8"),
  () => fs.promises.readFile(path, "utf8"),
  () => new Promise((done, failed) => fs.readFile(path, "utf8", (error, text) => error ? failed(error) : done(text))),
  async () => {
    const parts: Uint8Array[] = [];
    await pipeline(fs.createReadStream(path), async function (source) {
      for await (const part of source) parts.push(part);
    });
    return Buffer.concat(parts).toString();
  },
  async () => await (await fs.openAsBlob(path)).text(),
  async () => {
    const file = await fs.promises.open(path);
    return (await file.readFile()).toString();
  },
  () => {
    const file = fs.openSync(path, "r");
    const bytes = Buffer.alloc(100);
    fs.readSync(file, bytes, 0, 100, 0);
    return bytes.toString();
  },
  () => {
    fs.copyFileSync(path, "@folder@/copy.txt");
    return fs.readFileSync("@folder@/copy.txt", "utf8");
  },
  () => {
    fs.cpSync(path, "@folder@/copied.txt");
    return fs.readFileSync("@folder@/copied.txt", "utf8");
  },
];
for (const [number, way] of ways.entries()) {
  try {
    if (String(await way()).includes("coral-secret-")) console.log("CAPTURED by way", number);
  } catch {
    // the next one
  }
}
