//= wants: to change a file outside, by a link
//= link: notes.txt -> @outside@/secret.txt
//= link: new.txt -> @outside@/made-by-a-link.txt
for (const name of ["notes.txt", "new.txt"]) {
  try {
    Deno.writeTextFileSync("@folder@/" + name, "owned");
    console.log("CAPTURED", name);
  } catch {
    // the next one
  }
}
