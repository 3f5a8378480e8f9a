//= wants: native code, by process.dlopen and a .node file beside the script
/*= addon.node base64
f0VMRgIBAQAAAAAAAAAAAA==
=*/
import { createRequire } from "node:module";
import process from "node:process";
const module = { exports: {} };
const ways: (() => unknown)[] = [
  () => (process as unknown as { dlopen(module: object, path: string): void }).dlopen(module, "@folder@/addon.node"),
  () => createRequire(import.meta.url)("./addon.node"),
  () => (process as unknown as { dlopen(module: object, path: string): void }).dlopen(module, "libc.so.6"),
];
for (const way of ways) {
  try {
    way();
    console.log("CAPTURED a library");
  } catch (error) {
    // The loader of the system has looked at the file: it was called.
    if (/ELF|file too short|invalid|symbol|shared object/i.test(String(error))) console.log("CAPTURED the loader:", String(error).slice(0, 80));
  }
}
