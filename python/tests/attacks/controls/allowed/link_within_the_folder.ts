//= wants: a link to a file of its own folder
//= link: alias.ts -> lib/part.ts
/*= lib/part.ts
export const part = 1;
=*/
import { part } from "./alias.ts";
if (part === 1 && Deno.readTextFileSync("@folder@/alias.ts").includes("part")) console.log("WORKS");
