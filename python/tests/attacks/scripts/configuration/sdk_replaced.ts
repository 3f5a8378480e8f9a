//= wants: to stand in for the SDK, by an import map in deno.json
/*= deno.json
{"imports": {"@coral/sdk": "./fake.ts"}}
=*/
/*= fake.ts
console.log("CAPTURED the SDK is the attacker's");
export {};
=*/
import "@coral/sdk";
