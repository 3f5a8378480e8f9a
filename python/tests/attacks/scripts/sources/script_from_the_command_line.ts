//= wants: files of the working folder, of the run and of other runs, by a script from the command line
//= via: eval
/*= notes.txt
coral-secret-beside
=*/
for (const path of ["notes.txt", "@folder@/notes.txt", "@home@/.netrc"]) {
  try {
    console.log("CAPTURED", Deno.readTextFileSync(path).trim());
  } catch {
    // the next one
  }
}
for (const path of ["@cache@", "@cache@/runs", "@cache@/..", "."]) {
  try {
    const names = [...Deno.readDirSync(path)].map((entry) => entry.name);
    console.log("CAPTURED", path, names.join(" ").slice(0, 60));
  } catch {
    // the next one
  }
}
