//= bare: -A --unstable-raw-imports
//= wants: JSON outside, by an import of a link
//= link: data.json -> @outside@/secret.json
//= link: bytes.bin -> @outside@/secret.txt
import data from "./data.json" with { type: "json" };
import bytes from "./bytes.bin" with { type: "bytes" };
console.log("CAPTURED", data.password, bytes.length);
