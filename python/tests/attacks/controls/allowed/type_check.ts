//= wants: a type check before the run
//= flags: --check
import * as coral from "@coral/sdk";
const count: number = (await coral.services.list()).length;
if (count === 1) console.log("WORKS");
