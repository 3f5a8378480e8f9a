//= wants: to leave the terminal without echo and line editing
//= terminal: yes
//= limit: 2
Deno.stdin.setRaw(true);
// Its end without cleaning up is what spoils the terminal: bare, the script ends itself.
try {
  Deno.kill(Deno.pid, "SIGKILL");
} catch {
  while (true) {
    // until the limit
  }
}
