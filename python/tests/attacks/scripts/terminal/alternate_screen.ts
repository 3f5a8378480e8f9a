//= wants: to hide what was printed: another screen, clearing, moving the cursor
//= terminal: yes
//= seen: \x1b(\[\?1049h|\[2J|\[H|c|\[1A)
console.log("a finding\x1b[1A\x1b[2K\x1b[?1049h\x1b[2J\x1b[Hnothing was found\x1bc");
