//= wants: remote code that lies in a folder vendor
/*= deno.json
{"vendor": true}
=*/
/*= vendor/manifest.json
{"modules": {"http://127.0.0.1:@port@/x.ts": {}}}
=*/
import { secret } from "http://127.0.0.1:@port@/x.ts";
console.log("CAPTURED", secret);
