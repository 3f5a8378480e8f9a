//= wants: code outside, by an import that is evaluated late: exports of exports, import(), top-level await
import { secret } from "./step.ts";
console.log("CAPTURED", secret);
/*= step.ts
export * from "./further.ts";
=*/
/*= further.ts
const module = await import("../outside/secret.js");
export const secret: string = module.secret;
=*/
