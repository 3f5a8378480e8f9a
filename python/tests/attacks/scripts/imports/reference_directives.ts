//= wants: a file outside, by the directives that type checks follow
//= flags: --check
//= bare: -A --check
/// <reference path="@outside@/broken.ts" />
/// <reference types="../outside/broken.ts" />
// @deno-types="../outside/broken.ts"
import * as lib from "./lib.js";
/*= lib.js
export const x = 1;
=*/
console.log(lib.x);
