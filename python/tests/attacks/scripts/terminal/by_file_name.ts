//= wants: the same by the script's own name, which Coral prints in its errors
//= terminal: yes
//= main: a\x1b]52;c;eA==\x07.ts
//= seen: \x1b\]52;
Deno.stdout.writeSync(new TextEncoder().encode("\x1b]52;c;" + "eA==\x07\n"));
throw new Error("look at my name");
