//= wants: the same by a text import, and where types are checked
//= fifo: pipe.txt
//= limit: 2
//= endless: yes
//= flags: --check
import text from "./pipe.txt" with { type: "text" };
console.log(text);
