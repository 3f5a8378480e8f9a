//= wants: code outside, by an import that a chain of a thousand modules hides
const parts = [];
let next = `export { secret } from "file://@outside@/secret.js";`;
for (let number = 0; number < 1000; number++) {
  const url = `data:text/javascript,${encodeURIComponent(next)}`;
  parts.push(url);
  next = `export { secret } from "data:text/javascript,${number}";`;
}
const module = await import(parts[0]);
console.log("CAPTURED", module.secret);
