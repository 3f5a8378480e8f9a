// Runs before each script (`--preload`). Words uncaught errors that are Coral's business: an unreachable
// colony, a denied permission, wrong parameters, an SDK error with a hint, a stdout that takes no more;
// it lets all others pass to Deno. Deno dispatches "unhandledrejection" for a rejected main module too.
// And it keeps the list of failed checks (coral.assert, coral.threshold) for the end.

const EXIT_THREW = 1;
const EXIT_USAGE = 2;
const EXIT_LOAD = 65;
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
const LEFT_OUT = "hidden entries, node_modules, links out of the folder and hard links are left out";
const NOT_LISTED = `${LEFT_OUT}, and a folder that holds one cannot be listed: name the files`;
const NO_FILES = "-e and - read and import no files: write the script to a file beside them, and run that";
const NO_PACKAGES =
  "packages do not come with Coral; there are @coral/sdk and node: modules, else copy the code that you need to a file beside the script";
const NO_NETWORK = "nothing is loaded from the network; save the code that you need to a file beside the script";
const SPELLING = "write the path as it is on disk, with its ending: ./lib.ts";
const KEEPS_NOTHING = "scripts keep nothing between runs: print what is to be kept";
// Deno has them behind flags of its own, which its words would have the user set.
const UNSTABLE = /^(?:Deno\.)?(openKv|cron|WebSocketStream|UnsafeWindowSurface|QuicEndpoint|connectQuic|bundle) is not /;
const MODULES = {
  require: 'scripts are ES modules: import fs from "node:fs"',
  module: "scripts are ES modules: export what others shall import",
  exports: "scripts are ES modules: export what others shall import",
  __filename: "scripts are ES modules: use import.meta.filename",
  __dirname: "scripts are ES modules: use import.meta.dirname",
  window: "there is no window: use globalThis",
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

/** Ends with a message of ours and the error's places. */
function endWith(code, error, message, hint) {
  const places = told(error).split("\n").filter((line) => /^ +at /.test(line));
  end(code, [message, ...new Set(places)].join("\n"), hint);
}

/** Real path of the script's folder, with a slash; null where the script is a text and no file (-e, -). */
function ownFolder() {
  const path = decodeURIComponent(new URL(Deno.mainModule).pathname);
  return /\/runs\/[^/]+\/source\/(eval|stdin)\.ts$/.test(path) ? null : path.slice(0, path.lastIndexOf("/") + 1);
}

function absolute(path) {
  const encode = (text) => text.split("/").map(encodeURIComponent).join("/");
  return decodeURIComponent(new URL(encode(path), `file://${encode(cwd())}/`).pathname);
}

function cwd() {
  try {
    return Deno.cwd();
  } catch { // it was removed, or is none of the script's
    return "/";
  }
}

function endOfRead(error, message) {
  const folder = ownFolder();
  const path = absolute(/read access to "([^"]*)"/.exec(message)?.[1] ?? "/");
  const hint = folder === null ? NO_FILES : path.startsWith(folder) ? LEFT_OUT : DENIED.read;
  end(EXIT_DENIED, told(error).replace(/, run again with the --allow-[a-z]+ flag/, ""), hint);
}

function kindOf(path) {
  try {
    return Deno.lstatSync(path).isDirectory ? "folder" : "file";
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? null : "refused";
  }
}

/** A file that Deno did not find, or that the wall around the folder refuses. */
function endOfFile(error, path) {
  const folder = ownFolder();
  if (folder === null && /\/runs\/[^/]+\/source\//.test(path)) {
    const shown = path.replace(/^.*\/source\//, "./");
    endWith(EXIT_LOAD, error, `the script imports ${shown}, which does not exist`, NO_FILES);
  }
  if (folder === null || !path.startsWith(folder)) {
    const hint = folder === null ? NO_FILES : DENIED.import;
    endWith(EXIT_DENIED, error, `the script imports ${path}, which is outside its folder`, hint);
  }
  const kind = kindOf(path);
  if (kind === null) endWith(EXIT_LOAD, error, `the script imports ${path}, which does not exist`, SPELLING);
  if (kind === "folder") {
    endWith(EXIT_LOAD, error, `the script imports ${path}, which is a folder`, "name a file in it: ./lib/mod.ts");
  }
  endWith(EXIT_DENIED, error, `the script imports ${path}, which scripts may not read`, LEFT_OUT);
}

/** An import that did not load, in the words that coral run has for those at the head of a file. */
function endOfImport(error, message) {
  const denied = /^Unsupported scheme "coral-denied" for module "coral-denied:\/\/(\/[^"]*)"/.exec(message);
  if (denied) endOfFile(error, decodeURIComponent(denied[1]));
  const missing = /^Module not found "(file:[^"]*)"/.exec(message);
  if (missing) endOfFile(error, decodeURIComponent(new URL(missing[1]).pathname));
  const bare = /^Import "([^"]*)" not a dependency/.exec(message)?.[1];
  if (bare !== undefined) {
    if (process.getBuiltinModule(bare)) endWith(EXIT_LOAD, error, `the script imports ${bare}, which is a module of Node.js`, `write node:${bare}`);
    endWith(EXIT_DENIED, error, `the script imports the package ${bare}`, NO_PACKAGES);
  }
  const folder = /^\[ERR_UNSUPPORTED_DIR_IMPORT\] Directory import '(file:[^']*)'/.exec(message)?.[1];
  if (folder) endOfFile(error, decodeURIComponent(new URL(folder).pathname));
  if (/^(npm specifiers|JSR package)/.test(message)) {
    endWith(EXIT_DENIED, error, "the script imports a package from a registry", NO_PACKAGES);
  }
  const host = /^Requires import access to "([^"]*)"/.exec(message)?.[1];
  if (host) endWith(EXIT_DENIED, error, `the script imports code from ${host}`, NO_NETWORK);
  const node = /^Unsupported scheme "node" for module "([^"]*)"/.exec(message)?.[1];
  if (node) endWith(EXIT_LOAD, error, `the script imports ${node}, which is no module of Node.js`, "such as node:path");
}

// What a worker could not load is told to its listeners only; of the main thread it fails in other words.
let ofWorker = "";
const dispatch = EventTarget.prototype.dispatchEvent;
Object.defineProperty(Worker.prototype, "dispatchEvent", {
  configurable: true,
  writable: true,
  value(event) {
    if (event.type === "error") ofWorker = String(event.message);
    return dispatch.call(this, event);
  },
});

function report(error) {
  if (!(error instanceof Error)) return;
  const { name, reason, hint, message } = error;
  if (name === "CoralError" && reason === "UNREACHABLE") end(EXIT_UNREACHABLE, message, hint);
  if (name === "CoralError" && REFUSED.includes(reason)) end(EXIT_DENIED, message, hint);
  if (name === "CoralError" && reason === "INVALID_PARAMS") end(EXIT_USAGE, message, hint);
  if (CORAL_ERRORS.includes(name) && typeof hint === "string") end(EXIT_THREW, String(error.stack), hint);
  if (name === "NotCapable") {
    const flag = /--allow-([a-z]+)/.exec(message)?.[1];
    if (flag === "read") endOfRead(error, message);
    if (flag in DENIED) {
      end(EXIT_DENIED, told(error).replace(/, run again with the --allow-[a-z]+ flag/, ""), DENIED[flag]);
    }
  }
  if (error.code === "ERR_MODULE_NOT_FOUND") endOfImport(error, message);
  if (message === "Unhandled error in child worker.") endOfImport(error, ofWorker.replace(/^Uncaught /, ""));
  const unstable = UNSTABLE.exec(message)?.[1];
  if (unstable && (name === "TypeError" || name === "ReferenceError")) {
    end(EXIT_DENIED, told(error), `${unstable} is an API of Deno that is not stable yet, which scripts do not have`);
  }
  const missing = name === "ReferenceError" ? /^(\w+) is not defined$/.exec(message)?.[1] : undefined;
  if (missing !== undefined && Object.hasOwn(MODULES, missing)) end(EXIT_THREW, told(error), MODULES[missing]);
  if (/^Operation not permitted \(os error 1\)$|^Failed to create cache storage/.test(message)) {
    endWith(EXIT_DENIED, error, "localStorage, sessionStorage and caches cannot be used in scripts", KEEPS_NOTHING);
  }
  if (error.code === "EACCES" && /\b(readdir|opendir|scandir)\b/.test(message)) {
    end(EXIT_DENIED, told(error), ownFolder() === null ? NO_FILES : NOT_LISTED);
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
