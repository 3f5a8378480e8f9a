//= wants: a file outside, by reading a link to it that lies beside the script
//= link: notes.txt -> @outside@/secret.txt
console.log("CAPTURED", (await Deno.readTextFile("@folder@/notes.txt")).trim());
