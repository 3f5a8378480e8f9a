//= wants: the same by the uncaught error of a worker
//= terminal: yes
//= seen: \x1b\]52;
const code = `console.log("\\x1b]52;c;eA==\\x07"); throw new Error("\\x1b]52;c;eA==\\x07")`;
new Worker("data:text/javascript," + encodeURIComponent(code), { type: "module" });
await new Promise((done) => setTimeout(done, 500));
