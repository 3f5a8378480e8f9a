//= wants: CommonJS outside, by createRequire with computed paths and bases
import Module, { createRequire } from "node:module";
for (const base of [import.meta.url, "file://@outside@/x.js", "@outside@/x.js", "file:///"]) {
  for (const path of ["@outside@/secret.cjs", "./secret.cjs", "../outside/secret.cjs", "found", "@outside@/secret.json"]) {
    try {
      const got = createRequire(base)(path);
      console.log("CAPTURED", path, JSON.stringify(got));
    } catch {
      // the next one
    }
  }
}
const hidden = Module as unknown as {
  _load?: (path: string) => unknown;
  _extensions?: Record<string, (module: unknown, path: string) => void>;
};
try {
  console.log("CAPTURED", JSON.stringify(hidden._load?.("@outside@/secret.cjs") ?? Deno.exit(0)));
} catch {
  // the next one
}
try {
  const module = new (Module as unknown as new (id: string) => { exports: unknown })("x");
  hidden._extensions?.[".js"](module, "@outside@/node_modules/found/index.js");
  console.log("CAPTURED", JSON.stringify(module.exports));
} catch {
  // the harness looks for the lines above
}
