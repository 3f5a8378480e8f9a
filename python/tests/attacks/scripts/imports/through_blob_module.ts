//= wants: a file outside, by an import inside a blob: module
const code = 'export { secret } from "file://@outside@/secret.ts";';
const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
const { secret } = await import(url);
console.log("CAPTURED", secret);
