//= wants: an import map beside the script that leads out
/*= deno.json
{"importMap": "./import_map.json", "imports": {"secret": "../outside/secret.ts"}}
=*/
/*= import_map.json
{"imports": {"secret": "../outside/secret.ts"}}
=*/
import { secret } from "secret";
console.log("CAPTURED", secret);
