//= wants: code outside, by the import section of a WebAssembly module beside the script
/*= a.wasm base64
AGFzbQEAAAABBAFgAAACHgEULi4vb3V0c2lkZS9zZWNyZXQudHMFc3BpbGwAAAcGAQJnbwAACAEA
=*/
import * as module from "./a.wasm";
console.log("CAPTURED", Object.keys(module).join());
