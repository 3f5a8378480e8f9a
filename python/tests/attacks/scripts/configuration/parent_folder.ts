//= wants: to be changed by a deno.json above its folder
/*= ../deno.json
{"imports": {"secret": "./outside/secret.ts"}}
=*/
import { secret } from "secret";
console.log("CAPTURED", secret);
