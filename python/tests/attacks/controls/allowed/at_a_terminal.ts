//= wants: colours, tabs, umlauts and emoji at a terminal
//= terminal: yes
console.log("ä\t€ 👩‍💻 日本", Deno.stdout.isTerminal());
console.log("WORKS");
