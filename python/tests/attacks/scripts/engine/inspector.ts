//= wants: a debugger port, from where anybody on this machine runs code in it; and a session of its own
import inspector from "node:inspector";
try {
  inspector.open(0, "127.0.0.1");
  if (inspector.url()) console.log("CAPTURED", inspector.url());
} catch {
  // the next one
}
try {
  const session = new inspector.Session();
  session.connect();
  const got = await new Promise((done) => {
    session.post("Runtime.evaluate", { expression: "Deno.readTextFileSync('/etc/passwd').slice(0, 20)" }, (error, answer) =>
      done(error ? "" : (answer as { result: { value?: string } }).result.value ?? ""));
    setTimeout(() => done(""), 500);
  });
  if (got) console.log("CAPTURED", got);
} catch {
  // the harness looks for the lines above
}
Deno.exit(0);
