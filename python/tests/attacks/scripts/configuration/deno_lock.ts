//= wants: code from elsewhere, by redirects and packages of a deno.lock
/*= deno.lock
{"version": "5", "redirects": {"http://127.0.0.1:@port@/a.ts": "http://127.0.0.1:@port@/b.ts"}, "specifiers": {"npm:left-pad@1": "1.3.0"}, "npm": {"left-pad@1.3.0": {"integrity": "sha512-AAAA"}}}
=*/
/*= deno.json
{}
=*/
import { secret } from "http://127.0.0.1:@port@/a.ts";
console.log("CAPTURED", secret);
