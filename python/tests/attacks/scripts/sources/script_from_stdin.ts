//= wants: files of the working folder, by a script that comes from stdin
//= via: stdin
/*= notes.txt
coral-secret-beside
=*/
/*= lib.ts
export const note = "coral-secret-beside";
=*/
for (const path of ["notes.txt", "./notes.txt", "@folder@/notes.txt", "@outside@/secret.txt"]) {
  try {
    console.log("CAPTURED", Deno.readTextFileSync(path).trim());
  } catch {
    // the next one
  }
}
for (const specifier of ["./lib.ts", "@folder@/lib.ts", "file://@folder@/lib.ts", "@outside@/secret.ts"]) {
  try {
    const module = await import(specifier);
    console.log("CAPTURED", module.note ?? module.secret);
  } catch {
    // the next one
  }
}
