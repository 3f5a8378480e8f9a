//= wants: a processor for longer than its limit, deaf to every signal that it can catch
//= limit: 1
for (const name of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGPIPE", "SIGTSTP"]) {
  try {
    Deno.addSignalListener(name as Deno.Signal, () => {});
  } catch {
    // that one cannot be caught
  }
}
const end = performance.now() + 4500;
while (performance.now() < end);
console.log("CAPTURED 4.5 s");
