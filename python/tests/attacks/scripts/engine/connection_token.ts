//= wants: the token of the user: from the SDK, its modules, the run's folder, the environment
const found: unknown[] = [];
const key = Symbol.for("coral.connection");
Object.defineProperty(globalThis, key, {
  configurable: true,
  get: () => undefined,
  set: (value) => found.push(value?.token),
});
Object.defineProperty(Object.prototype, "token", { configurable: true, set: (value) => found.push(value), get: () => undefined });
for (const specifier of ["@coral/sdk", "file://@cache@/runs/0/connection.json", "file://@cache@/runs/1/connection.json", "file://@cache@/runs/2/connection.json"]) {
  try {
    const module = await import(specifier);
    found.push(module.connection?.token, module.default?.token);
  } catch {
    // the next one
  }
}
for (const number of [0, 1, 2]) {
  try {
    found.push(/"token":\s*"([^"]+)"/.exec(Deno.readTextFileSync(`@cache@/runs/${number}/connection.json`))?.[1]);
  } catch {
    // the next one
  }
}
for (const name of ["CORAL_TOKEN", "CORAL_CONNECTION"]) {
  try {
    const text = Deno.env.get(name);
    found.push(text);
    found.push(JSON.parse(text ?? "{}").token);
  } catch {
    // the harness looks at what was found
  }
}
// The token of scripts (ADR 0011) is the script's own: it may ask and emit, for minutes.
const tokens = found.filter((token) => typeof token === "string" && token.length > 0 && !token.startsWith("{") && !token.startsWith("corals_"));
if (tokens.length) console.log("CAPTURED", tokens[0]);
