// Runs before a script with `-o FORMAT`: prints what it hands to coral.output, and its default export, on
// stdout; what it prints by console.log goes to stderr, so that stdout is the answer and nothing else.

const EXIT_USAGE = 2;
const WIDEST = 100;
const format = new URL(import.meta.url).search.slice(1);
const { stdout, mainModule } = Deno;
const { report } = globalThis[Symbol.for("coral.run")]; // with --html
const importMain = () => import(mainModule);
let count = 0;
let header = "";

console.log = console.info = console.debug = console.error;

function write(text) {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += stdout.writeSync(bytes.subarray(done));
}

/** What JSON has no form for: as text, except for what it calls null itself. */
function plain(_, value) {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  if (value instanceof Uint8Array) return value.toHex();
  if (value instanceof Error) return String(value);
  return value;
}

/** JSON on one line, without characters that could steer a terminal. */
function json(value) {
  const text = JSON.stringify(value, plain) ?? "null";
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

function rowsOf(value) {
  const list = Array.isArray(value) ? value : [value];
  const isRow = (item) => Object(item) === item && !Array.isArray(item) && !(item instanceof Date);
  return list.map((item) => item instanceof Map ? Object.fromEntries(item) : isRow(item) ? item : { value: item });
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
  jsonl: (value) => (Array.isArray(value) ? value : [value]).map((item) => `${json(item)}\n`).join(""),
  csv,
  table,
};

function output(value) {
  count++;
  const print = () => write(RENDERERS[format](value));
  if (report) report({ kind: "output", value }, print);
  else print();
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
