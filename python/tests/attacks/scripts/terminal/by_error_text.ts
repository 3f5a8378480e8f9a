//= wants: the same by the text of an uncaught error
//= terminal: yes
//= seen: \x1b\]52;
const error = new Error("failed \x1b]52;c;eA==\x07");
error.name = "\x1b]52;c;eA==\x07";
error.stack = "Error: \x1b]52;c;eA==\x07\n    at \x1b]52;c;eA==\x07 (x.ts:1:1)";
throw error;
