// Text on a terminal: how wide it is, what must not reach it, and how numbers are written.

import type { Unit } from "../charts.ts";

const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{17000}-\u{18aff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]|^\p{Emoji_Presentation}|\ufe0f/u;
const NARROW = /^[ -~]*$/;
const SCALES: Record<string, [unit: string, size: number][]> = {
  ns: [["ns", 1], ["µs", 1e3], ["ms", 1e6], ["s", 1e9], ["min", 6e10], ["h", 36e11], ["d", 864e11]],
  bytes: [["B", 1], ["KiB", 2 ** 10], ["MiB", 2 ** 20], ["GiB", 2 ** 30], ["TiB", 2 ** 40]],
  "": [["", 1], ["k", 1e3], ["M", 1e6], ["G", 1e9], ["T", 1e12]],
};
const IN_NS: Record<string, number> = { ns: 1, ms: 1e6, s: 1e9 };
let segmenter: Intl.Segmenter | undefined;

/** The text with everything in it that steers a terminal or hides text made visible. */
export function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (found) => {
    if (found === "\u200d") return found; // joins the parts of one emoji
    const code = found.codePointAt(0)!;
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** What a terminal takes for characters, with the columns that each covers. */
function* cells(text: string): Generator<[string, number]> {
  for (const { segment } of (segmenter ??= new Intl.Segmenter()).segment(text)) {
    yield [segment, WIDE.test(segment) ? 2 : /^[\p{M}\u200b-\u200f]/u.test(segment) ? 0 : 1];
  }
}

/** How many columns a text covers. */
export function widthOf(text: string): number {
  if (NARROW.test(text)) return text.length;
  let columns = 0;
  for (const [, width] of cells(text)) columns += width;
  return columns;
}

/** The text in exactly so many columns: filled with spaces, or cut with an ellipsis. */
export function fit(text: string, columns: number, right = false): string {
  let width = widthOf(text);
  if (width > columns) {
    let kept = "";
    width = 0;
    for (const [cell, size] of cells(text)) {
      if (width + size > columns - 1) break;
      kept += cell;
      width += size;
    }
    text = columns > 0 ? kept + "…" : "";
    width = columns > 0 ? width + 1 : 0;
  }
  const space = " ".repeat(columns - width);
  return right ? space + text : text + space;
}

/** A number with its unit, three digits of it. */
export function withUnit(value: number, unit: Unit = ""): string {
  if (unit === "fraction") return `${digits(value * 100)}%`;
  if (unit === "percent" || unit === "%") return `${digits(value)}%`;
  const inNs = IN_NS[unit];
  if (value === 0) return inNs ? `0${unit}` : unit === "bytes" ? "0B" : unit ? `0 ${visible(unit)}` : "0";
  const scale = SCALES[inNs ? "ns" : unit === "bytes" ? unit : ""];
  const size = Math.abs(value) * (inNs ?? 1);
  // What rounds up to the next unit is written in it: 1s, not 1000ms.
  const found = scale.findLast(([, least]) => size >= least * 0.9995) ?? scale[0];
  const text = digits(value * (inNs ?? 1) / found[1]) + found[0];
  return inNs || unit === "bytes" || !unit ? text : `${text} ${visible(unit)}`;
}

function digits(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  const text = size !== 0 && size < 0.001
    ? value.toExponential(1)
    : value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.1 ? 2 : 4);
  return text.includes(".") && !text.includes("e") ? text.replace(/\.?0+$/, "") : text;
}
