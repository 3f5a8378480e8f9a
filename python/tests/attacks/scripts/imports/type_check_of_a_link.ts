//= wants: lines of a file outside, from the report of a type check about a link
//= flags: --check
//= bare: -A --check
//= link: lib.ts -> @outside@/broken.ts
import "./lib.ts";
console.log("CAPTURED nothing but a module that ran");
