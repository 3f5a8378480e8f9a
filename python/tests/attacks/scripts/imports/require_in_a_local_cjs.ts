//= wants: a file outside, by a literal require in a CommonJS file of the folder
/*= lib.cjs
module.exports = require("../outside/secret.cjs");
=*/
import lib from "./lib.cjs";
console.log("CAPTURED", lib.secret);
