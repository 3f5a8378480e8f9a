//= wants: to change how modules are found and loaded, for itself and for the SDK
import Module from "node:module";
import fs from "node:fs";
const loader = Module as unknown as {
  register?: (specifier: string, base: string) => void;
  registerHooks?: (hooks: object) => void;
};
try {
  loader.registerHooks?.({
    load: (url: string, context: object, next: (url: string, context: object) => unknown) =>
      url.endsWith("/hooked.js") ? { format: "module", source: `export default ${JSON.stringify(fs.readFileSync("@outside@/secret.txt", "utf8"))}`, shortCircuit: true } : next(url, context),
    resolve: (specifier: string, context: object, next: (specifier: string, context: object) => unknown) =>
      specifier === "hooked" ? { url: "file://@outside@/secret.ts", shortCircuit: true } : next(specifier, context),
  });
} catch {
  // the next one
}
for (const name of ["hooked", "./hooked.js", "@outside@/secret.ts"]) {
  try {
    const got = await import(name);
    console.log("CAPTURED", got.secret ?? got.default);
  } catch {
    // the next one
  }
}
