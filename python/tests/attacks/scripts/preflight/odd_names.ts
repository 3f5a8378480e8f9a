//= wants: a file above its folder, by a folder's name that looks encoded
//= main: deep/%2e%2e#a?b c/attack.ts
/*= deep/note.ts
export const note = "coral-secret-above";
=*/
/*= note.ts
export const note = "coral-secret-above";
=*/
for (const specifier of ["../note.ts", "../../note.ts", "./../note.ts", "@folder@/note.ts", "@folder@/deep/note.ts", "..%2fnote.ts", "%2e%2e/note.ts"]) {
  try {
    console.log("CAPTURED", (await import(specifier)).note);
  } catch {
    // the next one
  }
}
for (const path of ["@folder@/note.ts", "@folder@/deep/note.ts"]) {
  try {
    if (Deno.readTextFileSync(path).includes("coral-secret-")) console.log("CAPTURED", path);
  } catch {
    // the next one
  }
}
