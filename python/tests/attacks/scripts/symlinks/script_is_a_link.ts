//= wants: the folder of the file that it is a link to, and its own: only one of them may be read
//= link: linked.ts -> @outside@/secret.ts
import { secret } from "./linked.ts";
console.log("CAPTURED", secret, Deno.readLinkSync("@folder@/linked.ts"));
