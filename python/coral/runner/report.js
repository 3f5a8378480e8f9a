// Runs before a script with `--html FILE`: what it draws, and hands to coral.output, goes to Coral as a record
// between the lines of its output. A record stands after a word that begins no other line, as JSON without a
// newline. What is printed for it does not count as text of the page.

const { word, limit } = globalThis[Symbol.for("coral.report")];
delete globalThis[Symbol.for("coral.report")];
const { stdout, stderr, inspect } = Deno;
const { stringify } = JSON;
const encoder = new TextEncoder();
// As they are now: with -o, what the script itself writes to stdout goes to stderr.
const writeOut = stdout.writeSync.bind(stdout);
const writeErr = stderr.writeSync.bind(stderr);
let room = limit;

function send(writeSync, text) {
  const bytes = encoder.encode(`\x1e${word}${text}\n`);
  for (let done = 0; done < bytes.length;) done += writeSync(bytes.subarray(done));
}

/** What JSON has no form for: as text, except for what it calls null itself. */
function plain(_, value) {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  if (value instanceof ArrayBuffer) return new Uint8Array(value).toHex();
  if (value instanceof Uint8Array) return value.toHex();
  if (value instanceof DataView) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).toHex();
  if (ArrayBuffer.isView(value)) return Array.from(value);
  if (value instanceof Error || value instanceof RegExp) return String(value);
  return value;
}

function json(record) {
  try {
    return stringify(record, plain);
  } catch { // it holds itself
    return stringify({ kind: "text", text: `${inspect(record.value ?? record)}\n` });
  }
}

globalThis[Symbol.for("coral.run")].report = (record, print) => {
  let text = json(record);
  if (text.length > room) text = '{"kind":"cut"}';
  else room -= text.length;
  send(writeOut, `+${text}`);
  send(writeErr, "(");
  try {
    print();
  } finally {
    send(writeOut, ")");
    send(writeErr, ")");
  }
};
