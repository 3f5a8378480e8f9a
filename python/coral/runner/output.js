// Runs before a script with `-o FORMAT`: prints what it hands to coral.output, and its default export, on
// stdout; what it prints otherwise, by the console, Deno.stdout or process.stdout, goes to stderr, so that
// stdout is the answer and nothing else.

const EXIT_USAGE = 2;
const WIDEST = 100;
const format = new URL(import.meta.url).search.slice(1);
const { stdout, stderr, mainModule } = Deno;
const { report } = globalThis[Symbol.for("coral.run")]; // with --html
const importMain = () => import(mainModule);
const writeOut = stdout.writeSync.bind(stdout);
const writeErr = stderr.writeSync.bind(stderr);
let count = 0;
let header = "";

function send(text, writeSync) {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += writeSync(bytes.subarray(done));
}

const write = (text) => send(text, writeOut);

// Each method of the console knows its stream by itself: so all of them are those of one that has stderr only.
const { Console } = Deno[Deno.internal];
for (const [name, method] of Object.entries(new Console((text) => send(text, writeErr)))) {
  if (typeof method === "function") console[name] = method;
}
// process.stdout of node:process is made of this one.
Object.defineProperties(stdout, {
  write: { configurable: true, writable: true, value: stderr.write.bind(stderr) },
  writeSync: { configurable: true, writable: true, value: writeErr },
  writable: { configurable: true, get: () => stderr.writable },
});

const isBytes = (value) => value instanceof Uint8Array || value instanceof ArrayBuffer || value instanceof DataView;

function hex(value) {
  if (value instanceof Uint8Array) return value.toHex();
  if (value instanceof ArrayBuffer) return new Uint8Array(value).toHex();
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).toHex();
}

/** What JSON has no form for: as text, except for what it calls null itself. */
function plain(_, value) {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  if (isBytes(value)) return hex(value);
  if (ArrayBuffer.isView(value)) return Array.from(value); // a typed array of numbers
  if (value instanceof Error || value instanceof RegExp) return String(value);
  return value;
}

/** An error that `coral run` tells with its hint. */
function failure(message, hint) {
  return Object.assign(new TypeError(message), { name: "CoralError", hint });
}

/** Gives an error of ours the place where the script handed the value over, and none of Coral's own. */
function placed(error) {
  if (error?.name !== "CoralError") return error;
  Error.captureStackTrace(error, output);
  const own = (line) => line.includes(import.meta.url) || line.includes("/_sdk/mod.js");
  error.stack = error.stack.split("\n").filter((line) => !own(line)).join("\n");
  return error;
}

function stringify(value) {
  try {
    return JSON.stringify(value, plain);
  } catch (error) {
    const circle = /(?:property|index) '?([^'\n]*?)'? closes the circle/.exec(error.message)?.[1];
    if (circle !== undefined && error instanceof TypeError) {
      throw failure(
        `the result cannot be printed as ${format}: it holds itself, in ${circle}`,
        "hand over what is to be seen of it only, without references back",
      );
    }
    if (error instanceof RangeError) {
      throw failure(
        `the result cannot be printed as ${format}: it is too deep, or holds itself (${error.message})`,
        "hand over what is to be seen of it only: fewer levels, no references back",
      );
    }
    throw error;
  }
}

/** JSON on one line, without characters that could steer a terminal. */
function json(value) {
  const text = stringify(value) ?? "null";
  const steering = /[\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
  return text.replace(steering, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The text of one field of a table. */
function text(value, none) {
  if (value === null || value === undefined) return none;
  if (value instanceof Date || typeof value === "object" || typeof value === "bigint") {
    const made = json(value);
    return made.startsWith('"') ? JSON.parse(made) : made;
  }
  return String(value);
}

/** The items of a result: of a list, a set, or a typed array of numbers; else itself alone. */
function itemsOf(value) {
  if (Array.isArray(value)) return value;
  if (value instanceof Set) return [...value];
  return ArrayBuffer.isView(value) && !isBytes(value) ? Array.from(value) : [value];
}

/** The columns of one item: the fields that it has as JSON; what is no object there is one, `value`. */
function rowOf(item) {
  let made = typeof item?.toJSON === "function" && !(item instanceof Date) ? item.toJSON("") : item;
  if (made instanceof Map) return Object.fromEntries(made);
  if (made instanceof Date || ArrayBuffer.isView(made)) return { value: made };
  if (typeof made === "object" || typeof made === "function") made = plain("", made);
  return Object(made) === made && !Array.isArray(made) && typeof made !== "function" ? made : { value: made };
}

function rowsOf(value) {
  const rows = itemsOf(value).map(rowOf);
  return rows.every((row) => Object.keys(row).length === 0) ? rows.map((row) => ({ value: row })) : rows;
}

function columnsOf(rows) {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}

function csvField(value) {
  return /[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

function csv(value) {
  const rows = rowsOf(value);
  const names = columnsOf(rows);
  const first = names.map(csvField).join(",");
  const lines = rows.map((row) => names.map((name) => csvField(text(row[name], ""))).join(","));
  const all = first === header ? lines : [...(header === "" ? [] : [""]), first, ...lines];
  header = first;
  return all.map((line) => `${line}\n`).join("");
}

function visible(value) {
  const hidden = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;
  return value.replace(hidden, (found) => {
    if (found === "\u200d") return found; // joins the parts of one emoji
    if (found === "\n") return "\\n";
    if (found === "\t") return "\\t";
    const code = found.codePointAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

function width(value) {
  let columns = 0;
  for (const { segment } of new Intl.Segmenter().segment(value)) {
    const wide = /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/;
    columns += wide.test(segment) || /^\p{Emoji_Presentation}/u.test(segment) ? 2 : 1;
  }
  return columns;
}

function cell(value, none) {
  const shown = visible(text(value, none));
  return shown.length <= WIDEST ? shown : `${[...shown].slice(0, WIDEST - 1).join("")}…`;
}

function table(value) {
  const rows = rowsOf(value);
  const names = columnsOf(rows);
  const heads = names.map((name) => cell(name, ""));
  const cells = rows.map((row) => names.map((name) => cell(row[name], "NULL")));
  const widths = names.map((_, i) => Math.max(width(heads[i]), ...cells.map((line) => width(line[i]))));
  const right = names.map((name) => {
    const present = rows.map((row) => row[name]).filter((item) => item !== null && item !== undefined);
    return present.length > 0 && present.every((item) => ["number", "bigint"].includes(typeof item));
  });
  const line = (fields) =>
    fields.map((field, i) => {
      const space = " ".repeat(Math.max(0, widths[i] - width(field)));
      return right[i] ? space + field : field + space;
    }).join("  ").trimEnd();
  const rule = widths.map((columns) => "-".repeat(columns)).join("  ");
  const end = `(${rows.length} row${rows.length === 1 ? "" : "s"})`;
  return [line(heads), rule, ...cells.map(line), end].map((part) => `${part}\n`).join("");
}

const RENDERERS = {
  json: (value) => `${json(value)}\n`,
  jsonl: (value) => itemsOf(value).map((item) => `${json(item)}\n`).join(""),
  csv,
  table,
};

function output(value) {
  count++;
  const print = () => write(RENDERERS[format](value));
  try {
    if (report) report({ kind: "output", value }, print);
    else print();
  } catch (error) {
    throw placed(error);
  }
}

async function outputDefault(value) {
  let answer = typeof value === "function" ? value() : value;
  answer = await answer;
  if (answer === undefined) return;
  if (typeof answer !== "string" && !Array.isArray(answer) && typeof answer?.[Symbol.asyncIterator] === "function") {
    const items = [];
    for await (const item of answer) {
      if (format === "jsonl") output(item);
      else items.push(item);
    }
    if (format !== "jsonl") output(items);
    count++; // none at all is an answer too
    return;
  }
  if (typeof answer?.next === "function" && typeof answer[Symbol.iterator] === "function") answer = [...answer];
  output(answer);
}

globalThis[Symbol.for("coral.run")].output = output;
// The script's module has been evaluated by then; importing it again gives the same one.
addEventListener("load", async () => outputDefault((await importMain()).default));
addEventListener("unload", () => {
  if (count > 0 || Deno.exitCode) return;
  console.error(
    `error: the script has no result for -o ${format}\n` +
      "hint: hand it over with coral.output(value), or export default a value or a function",
  );
  Deno.exitCode = EXIT_USAGE;
});
