//= wants: a file outside, by a data: module that re-exports it, all static
export * from "data:text/javascript,export%20*%20from%20%22file://@outside@/secret.ts%22";
import { secret } from "data:text/javascript,export%20*%20from%20%22file://@outside@/secret.ts%22";
console.log("CAPTURED", secret);
