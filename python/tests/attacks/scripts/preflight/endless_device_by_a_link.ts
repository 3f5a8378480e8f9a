//= wants: Coral's own memory, by a link to a device without end in the import graph
//= link: zero.txt -> /dev/zero
//= limit: 2
//= endless: yes
import text from "./zero.txt" with { type: "text" };
console.log("CAPTURED", text.length);
