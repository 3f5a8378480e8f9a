// Runs when a script imports @coral/sdk. Words three kinds of uncaught errors: an unreachable colony, a
// denied permission, and what else the SDK throws with a hint; it lets all others pass to Deno. Deno
// dispatches "unhandledrejection" for a rejected main module too. In a worker it does nothing: there the
// main module gets the error.

const EXIT_UNREACHABLE = 69;
const EXIT_DENIED = 77;
const EXIT_THREW = 1;
const CORAL_ERRORS = ["CoralError", "NoDataError"];
const DENIED = {
  read: "scripts may read files below their own folder only",
  net: "scripts may connect to their colony only (choose it with --colony)",
  write: "scripts may not write files; print to stdout and redirect it",
  env: "scripts see no environment variables; hand values over with --param name=value",
  run: "scripts may not start programs",
  ffi: "scripts may not load native libraries",
  sys: "scripts may not ask about the operating system; see coral.system",
};
const stderr = Deno.stderr;
const exit = Deno.exit.bind(Deno);
const noColor = Deno.noColor || !stderr.isTerminal();

function write(text) {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += stderr.writeSync(bytes.subarray(done));
}

function say(label, colour, text) {
  write(noColor ? `${label}: ${text}\n` : `\x1b[1;${colour}m${label}:\x1b[0m ${text}\n`);
}

function report(error) {
  if (!(error instanceof Error)) return;
  if (error.name === "CoralError" && error.reason === "UNREACHABLE") {
    say("error", 31, error.message);
    if (error.hint) say("hint", 36, error.hint);
    exit(EXIT_UNREACHABLE);
  }
  if (CORAL_ERRORS.includes(error.name) && typeof error.hint === "string") {
    say("error", 31, String(error.stack));
    say("hint", 36, error.hint);
    exit(EXIT_THREW);
  }
  if (error.name === "NotCapable") {
    const flag = /--allow-([a-z]+)/.exec(error.message)?.[1];
    if (!(flag in DENIED)) return;
    say("error", 31, String(error.stack).replace(/, run again with the --allow-[a-z]+ flag/, ""));
    say("hint", 36, DENIED[flag]);
    exit(EXIT_DENIED);
  }
}

function listen(type, errorOf, clone) {
  const listener = (event) => {
    // The script's own listeners come first: they see a copy, and may say that they handled it.
    globalThis.removeEventListener(type, listener);
    const handled = !globalThis.dispatchEvent(clone(event));
    globalThis.addEventListener(type, listener);
    event.stopImmediatePropagation();
    if (handled) event.preventDefault();
    else report(errorOf(event));
  };
  globalThis.addEventListener(type, listener);
}

if (typeof WorkerGlobalScope === "undefined") {
  listen(
    "unhandledrejection",
    (event) => event.reason,
    ({ promise, reason }) =>
      new PromiseRejectionEvent("unhandledrejection", { cancelable: true, promise, reason }),
  );
  listen(
    "error",
    (event) => event.error,
    ({ message, filename, lineno, colno, error }) =>
      new ErrorEvent("error", { cancelable: true, message, filename, lineno, colno, error }),
  );
}
