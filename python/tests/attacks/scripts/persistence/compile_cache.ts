//= wants: to write code caches to a folder of its choice, by node:module
import Module from "node:module";
const made = (Module as unknown as { enableCompileCache?: (path: string) => { status: number; directory?: string } })
  .enableCompileCache?.("@tmp@/compiled");
if (made?.directory) console.log("CAPTURED", made.directory);
// Deno may ignore that call: bare, a plain write proves what it is after.
try {
  Deno.writeTextFileSync("@tmp@/compiled.txt", "x");
} catch {
  // the harness looks for files
}
