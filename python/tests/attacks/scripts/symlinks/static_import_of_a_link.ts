//= wants: a file outside as text, by a static import of a link
//= link: notes.txt -> @outside@/secret.txt
import text from "./notes.txt" with { type: "text" };
console.log("CAPTURED", text.trim());
