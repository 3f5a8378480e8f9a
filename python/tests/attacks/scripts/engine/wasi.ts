//= wants: files outside, by node:wasi with folders of its choice
import fs from "node:fs";
try {
  const { WASI } = await import("node:wasi");
  const wasi = new WASI({ version: "preview1", preopens: { "/": "/" }, env: {}, args: [] } as never);
  if (wasi) console.log("CAPTURED a WASI with the root folder", fs.readdirSync("/").length);
} catch {
  // the next one
}
try {
  console.log("CAPTURED", fs.readdirSync("/").length);
} catch {
  // refused
}
