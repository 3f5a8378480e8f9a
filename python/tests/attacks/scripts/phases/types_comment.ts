//= wants: an error message that quotes a file outside, by comments that name it as types
//= flags: --check
//= bare: -A --check
// @deno-types="../outside/broken.ts"
import { value } from "./plain.js";
console.log(value);
/*= plain.js
export const value = 1;
=*/
