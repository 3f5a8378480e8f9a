//= wants: a file outside as text, by a static import; Deno asks no permission for those
import text from "@outside@/secret.txt" with { type: "text" };
console.log("CAPTURED", text.trim());
