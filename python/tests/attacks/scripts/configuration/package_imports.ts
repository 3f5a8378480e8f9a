//= wants: files outside, by the imports and exports of a package.json
/*= package.json
{"name": "x", "type": "module", "imports": {"#secret": "../outside/secret.js"}, "exports": {".": "../outside/secret.js"}}
=*/
for (const name of ["#secret", "x"]) {
  try {
    console.log("CAPTURED", (await import(name)).secret);
  } catch {
    // the next one
  }
}
try {
  const { createRequire } = await import("node:module");
  console.log("CAPTURED", createRequire(import.meta.url)("#secret").secret);
} catch {
  // the next one
}
try {
  console.log("CAPTURED", (await import("../outside/" + "secret.js")).secret);
} catch {
  // the harness looks for the lines above
}
