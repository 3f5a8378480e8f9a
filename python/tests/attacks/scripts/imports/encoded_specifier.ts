//= wants: a file outside, by an encoded specifier
import text from "./..%2foutside/secret.txt" with { type: "text" };
console.log("CAPTURED", text);
