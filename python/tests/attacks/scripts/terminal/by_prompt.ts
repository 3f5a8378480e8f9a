//= wants: the same by the text of alert, confirm and prompt
//= terminal: yes
//= seen: \x1b\]52;
//= types: \n\n\n
prompt("\x1b]52;c;eA==\x07?");
alert("\x1b]52;c;eA==\x07");
