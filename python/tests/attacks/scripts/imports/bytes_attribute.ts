//= bare: -A --unstable-raw-imports
//= wants: a file outside as bytes, by a static import
import bytes from "@outside@/secret.txt" with { type: "bytes" };
console.log("CAPTURED", new TextDecoder().decode(bytes).trim());
