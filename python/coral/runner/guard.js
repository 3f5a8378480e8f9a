// Runs before each script (`--preload`). Words uncaught errors that are Coral's business: an unreachable
// colony, a denied permission, wrong parameters, an SDK error with a hint, a stdout that takes no more;
// it lets all others pass to Deno. Deno dispatches "unhandledrejection" for a rejected main module too.
// And it keeps the list of failed checks (coral.assert, coral.threshold) for the end.

const EXIT_THREW = 1;
const EXIT_USAGE = 2;
const EXIT_UNREACHABLE = 69;
const EXIT_IO = 74;
const EXIT_DENIED = 77;
const EXIT_CHECKS = 99;
const EXIT_PIPE = 141;
const REFUSED = ["UNAUTHENTICATED", "PERMISSION_DENIED"]; // by the colony, of the user's token
const CORAL_ERRORS = ["CoralError", "NoDataError"];
const DENIED = {
  read: "scripts may read files below their own folder only",
  net: "scripts may connect to their colony only (choose it with --colony)",
  write: "scripts may not write files; print to stdout and redirect it",
  env: "scripts see no environment variables; hand values over with --param name=value",
  run: "scripts may not start programs",
  ffi: "scripts may not load native libraries",
  sys: "scripts may not ask about the operating system; see coral.system",
  import: "scripts may import @coral/sdk and files below their own folder",
};
const CONNECTION = "CORAL_CONNECTION";
const GATE_MARK = "<"; // before the path of a gate

/** Waits until `coral run` knows that it wants this process, and returns what it hands over (head_start.py). */
function passGate(path) {
  const gate = Deno.openSync(path);
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(1 << 16);
  let text = "";
  while (!text.endsWith("\n")) {
    const count = gate.readSync(buffer);
    if (count === null) Deno.exit(1); // who has the gate has ended
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  gate.close();
  return text.trimEnd();
}

const handedOver = Deno.env.get(CONNECTION);
if (handedOver?.startsWith(GATE_MARK)) Deno.env.set(CONNECTION, passGate(handedOver.slice(1)));

const stderr = Deno.stderr;
const exit = Deno.exit.bind(Deno);
const noColor = Deno.noColor; // Coral has decided it
const failures = [];

function write(text) {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += stderr.writeSync(bytes.subarray(done));
}

function say(label, colour, text) {
  write(noColor ? `${label}: ${text}\n` : `\x1b[1;${colour}m${label}:\x1b[0m ${text}\n`);
}

function end(code, message, hint) {
  reportFailures();
  if (message) say("error", 31, message);
  if (hint) say("hint", 36, hint);
  exit(code);
}

/** The error and its places, without those inside Deno. */
function told(error) {
  return String(error.stack).split("\n").filter((line) => !/^ +at .*\(?ext:/.test(line)).join("\n");
}

function report(error) {
  if (!(error instanceof Error)) return;
  const { name, reason, hint, message } = error;
  if (name === "CoralError" && reason === "UNREACHABLE") end(EXIT_UNREACHABLE, message, hint);
  if (name === "CoralError" && REFUSED.includes(reason)) end(EXIT_DENIED, message, hint);
  if (name === "CoralError" && reason === "INVALID_PARAMS") end(EXIT_USAGE, message, hint);
  if (CORAL_ERRORS.includes(name) && typeof hint === "string") end(EXIT_THREW, String(error.stack), hint);
  if (name === "NotCapable") {
    const flag = /--allow-([a-z]+)/.exec(message)?.[1];
    if (flag in DENIED) {
      end(EXIT_DENIED, told(error).replace(/, run again with the --allow-[a-z]+ flag/, ""), DENIED[flag]);
    }
  }
  if (message.startsWith('Unsupported scheme "coral-denied"')) {
    const path = decodeURIComponent(/coral-denied:\/\/(\/[^"]*)/.exec(message)?.[1] ?? "");
    const places = told(error).split("\n").filter((line) => /^ +at /.test(line));
    end(EXIT_DENIED, [`the script imports ${path}, which is outside its folder`, ...places].join("\n"), DENIED.import);
  }
  if (error instanceof Deno.errors.BrokenPipe) end(EXIT_PIPE);
  if (/\(os error (28|122)\)$/.test(message)) {
    const places = told(error).split("\n").slice(1).join("\n");
    const cause = message.replace(/ \(os error \d+\)$/, "");
    end(
      EXIT_IO,
      `the script's output cannot be written: ${cause}\n${places}`,
      "free some space, or send the output to another place",
    );
  }
  reportFailures();
}

function reportFailures() {
  for (const text of failures) say("failed", 31, text);
  const count = failures.length;
  if (count) say("error", 31, `${count} check${count === 1 ? "" : "s"} failed`);
  failures.length = 0;
  return count;
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

listen(
  "unhandledrejection",
  (event) => event.reason,
  ({ promise, reason }) => new PromiseRejectionEvent("unhandledrejection", { cancelable: true, promise, reason }),
);
listen(
  "error",
  (event) => event.error,
  ({ message, filename, lineno, colno, error }) =>
    new ErrorEvent("error", { cancelable: true, message, filename, lineno, colno, error }),
);
// At the natural end and at Deno.exit, which keeps a code of its own.
addEventListener("unload", () => {
  if (reportFailures() && !Deno.exitCode) Deno.exitCode = EXIT_CHECKS;
});
globalThis[Symbol.for("coral.run")] = { failed: (text) => failures.push(text) };
