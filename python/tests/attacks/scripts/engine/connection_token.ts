//= wants: the token of the connection: from the SDK, its modules, the run's folder, the environment
const found: unknown[] = [];
const key = Symbol.for("coral.connection");
Object.defineProperty(globalThis, key, {
  configurable: true,
  get: () => undefined,
  set: (value) => found.push(value?.token),
});
Object.defineProperty(Object.prototype, "token", { configurable: true, set: (value) => found.push(value), get: () => undefined });
for (const specifier of ["@coral/sdk", "file://@cache@/runs/0/connection.js", "file://@cache@/runs/1/connection.js", "file://@cache@/runs/2/connection.js"]) {
  try {
    const module = await import(specifier);
    found.push(module.connection?.token, module.default?.token);
  } catch {
    // the next one
  }
}
for (const number of [0, 1, 2]) {
  try {
    found.push(/"token":\s*"([^"]+)"/.exec(Deno.readTextFileSync(`@cache@/runs/${number}/connection.js`))?.[1]);
  } catch {
    // the next one
  }
}
try {
  found.push(Deno.env.get("CORAL_TOKEN"));
} catch {
  // the harness looks at what was found
}
const tokens = found.filter((token) => typeof token === "string" && token.length > 0);
if (tokens.length) console.log("CAPTURED", tokens[0]);
