//= wants: lines of a file outside, by a source map that names it
//= remains: landlock
/*= mapped.js
throw new Error("look at my source");
//# sourceMappingURL=data:application/json;base64,@map@
=*/
/*= mapped_by_file.js
throw new Error("look at my source");
//# sourceMappingURL=../outside/secret.json
=*/
for (const name of ["./mapped.js", "./mapped_by_file.js"]) {
  try {
    await import(name);
  } catch (error) {
    console.log(String((error as Error).stack));
  }
}
// Bare it is read by the script, as this way is closed in Deno itself today.
try {
  console.log("CAPTURED", Deno.readTextFileSync("@outside@/secret.txt").trim());
} catch {
  // the harness looks for the secret in stack traces
}
await import("./mapped.js");
