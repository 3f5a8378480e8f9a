//= wants: a file outside, by dynamic imports in every spelling
const outside = "@outside@";
const specifiers = [
  `${outside}/secret.ts`,
  `file://${outside}/secret.ts`,
  `FILE://${outside}/secret.ts`,
  `file:${outside}/secret.ts`,
  `file://localhost${outside}/secret.ts`,
  `file:///.${outside}/secret.ts`,
  `file://${outside}/./secret.ts`,
  `file://${outside.replace("o", "%6f")}/secret.ts`,
  `file://${outside}/secret.ts?a`,
  `file://${outside}/secret.ts#a`,
  "../outside/secret.ts",
  "./../outside/secret.ts",
  "./x/../../outside/secret.ts",
  "..\\outside\\secret.ts",
  " ../outside/secret.ts",
  "\t../outside/secret.ts",
  `\n${outside}/secret.ts`,
  `//${outside}/secret.ts`,
];
for (const specifier of specifiers) {
  try {
    const module = await import(specifier);
    if (module.secret) console.log("CAPTURED by", specifier);
  } catch {
    // the next one
  }
}
for (const type of ["text", "bytes", "json"]) {
  try {
    const name = type === "json" ? "secret.json" : "secret.txt";
    const module = await import(`${outside}/${name}`, { with: { type } });
    console.log("CAPTURED with type", type, module.default);
  } catch {
    // the next one
  }
}
