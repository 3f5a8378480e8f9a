//= wants: code outside, by imports of a link and through a linked folder
//= link: lib.ts -> @outside@/secret.ts
//= link: lib -> @outside@
import { secret } from "./lib.ts";
import { secret as other } from "./lib/secret.js";
console.log("CAPTURED", secret, other);
