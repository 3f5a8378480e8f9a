//= wants: files outside, by settings of the type check
//= flags: --check
//= bare: -A --check
/*= tsconfig.json
{"extends": "../outside/secret.json", "compilerOptions": {"types": ["../outside/broken.ts"]}, "files": ["../outside/broken.ts"]}
=*/
/*= deno.json
{"compilerOptions": {"types": ["../outside/broken.ts"]}}
=*/
console.log("a script without errors");
try {
  console.log("CAPTURED", Deno.readTextFileSync("@outside@/broken.ts").trim());
} catch {
  // the harness looks for what the check prints
}
