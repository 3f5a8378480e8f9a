//= wants: a processor after nobody can hear it any more: stdout and stderr closed
//= limit: 1
//= endless: yes
Deno.stdout.close();
Deno.stderr.close();
try {
  Deno.stdin.close();
} catch {
  // it was none
}
while (true) {
  // for ever
}
