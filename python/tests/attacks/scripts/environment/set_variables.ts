//= wants: to set variables that engines and tools honour
import process from "node:process";
for (const [name, value] of [["LD_PRELOAD", "/tmp/x.so"], ["DENO_V8_FLAGS", "--prof"], ["NODE_OPTIONS", "--require x"], ["HTTP_PROXY", "http://127.0.0.1:@port@"]]) {
  try {
    Deno.env.set(name, value);
    if (Deno.env.get(name) === value) console.log("CAPTURED", name);
  } catch {
    // the next one
  }
  try {
    process.env[name] = value;
    if (process.env[name] === value) console.log("CAPTURED", name, "in process.env");
  } catch {
    // the next one
  }
}
