//= wants: code outside the script's folder, by static imports up the tree
import { secret } from "../outside/secret.ts";
console.log("CAPTURED", secret);
