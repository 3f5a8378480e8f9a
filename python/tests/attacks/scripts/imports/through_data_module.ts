//= wants: a file outside, by an import inside a data: module
const outside = "@outside@/secret.ts";
const code = `export { secret } from "file://${outside}";`;
const { secret } = await import("data:text/javascript," + encodeURIComponent(code));
console.log("CAPTURED", secret);
