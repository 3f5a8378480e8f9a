//= wants: the title of the terminal, from where it can be typed back (OSC 0, DCS)
//= terminal: yes
//= seen: \x1b[\]P]
console.log("\x1b]0;rm -rf ~\x07\x1bP$q\"p\x1b\\ hello");
