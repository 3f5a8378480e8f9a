//= wants: input that the user did not type: answers of the terminal to questions
//= terminal: yes
//= seen: \x1b\[(6n|c|>c|21t|\?6n)
console.log("\x1b[6n\x1b[c\x1b[>c\x1b[21t\x05");
await new Promise((done) => setTimeout(done, 50));
