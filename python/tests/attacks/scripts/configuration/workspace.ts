//= wants: to be a member of a workspace that maps names to files outside
/*= ../deno.json
{"workspace": ["./proj", "./outside"]}
=*/
/*= deno.json
{"name": "@x/attack", "version": "1.0.0", "exports": "./attack.ts"}
=*/
/*= ../outside/deno.json
{"name": "@x/outside", "version": "1.0.0", "exports": "./secret.ts"}
=*/
import { secret } from "@x/outside";
console.log("CAPTURED", secret);
