//= wants: code from the network, by static imports
import { secret } from "http://127.0.0.1:@port@/module.ts";
console.log("CAPTURED", secret);
