//= wants: code that the next run would load: in Coral's cache, its run directories, beside Deno
const cache = "@cache@";
for (const place of ["planted", "runs/0/planted", "runs/0/source/planted.ts", "deno-dir/planted", "deno/planted"]) {
  try {
    const path = `${cache}/${place}`;
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    Deno.writeTextFileSync(path, "x");
    Deno.removeSync(path);
    console.log("CAPTURED", place);
  } catch {
    // the next one
  }
}
