//= wants: to overwrite a line that was printed, by carriage returns and backspaces
//= terminal: yes
//= seen: ERROR [^\n]{0,20}(\r(?!\n)|\x08)
Deno.stdout.writeSync(new TextEncoder().encode("ERROR 12 failed\rok    12 passed\nERROR x\b\b\b\b\b\b\bfine   \n"));
