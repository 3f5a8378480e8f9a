//= wants: to plant code where Deno and Coral keep theirs
const names = ["v8_code_cache_v2", "dep_analysis_cache_v2", "gen/x.js", "location_data/x", "deno-dir/x", "runs/0/sdk.js", "deno/x"];
for (const name of names) {
  try {
    const path = "@cache@/" + name;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path + ".attack", "planted");
    console.log("CAPTURED", name);
    Deno.removeSync(path + ".attack");
  } catch {
    // the next one
  }
}
try {
  console.log("CAPTURED", [...Deno.readDirSync("@cache@")].length, "names in the cache");
} catch {
  // the harness looks for the lines above
}
