//= wants: a file outside, by a hard link that lies beside the script
//= hardlink: notes.txt -> @outside@/secret.txt
//= hardlink: lib.ts -> @outside@/secret.ts
try {
  console.log("CAPTURED", Deno.readTextFileSync("@folder@/notes.txt").trim());
} catch {
  // the next one
}
console.log("CAPTURED", (await import("./" + "lib.ts")).secret);
