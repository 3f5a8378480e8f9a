/** What is drawn on. */
export interface Screen {
  /** Its width, in columns. */
  columns: number;
  /** Whether it shows colours. */
  colour: boolean;
}

const COLOURS = [36, 33, 35, 32, 34, 31];
let given: Screen | undefined;

/** @internal Takes what `coral run` knows. */
export function setScreen(screen: Screen): void {
  given = screen;
}

/** What is printed on: as `coral run` says it, else as the process finds it. */
export function screenNow(): Screen {
  if (given) return given;
  const { process } = globalThis as { process?: typeof import("node:process") };
  const columns = process?.stdout?.columns ?? 80;
  return { columns, colour: !!process?.stdout?.isTTY && !process.env.NO_COLOR };
}

/** A text in the colour of a series. */
export function ink(text: string, series: number, screen: Screen): string {
  return inked([[text, codeOf(series)]], screen);
}

/** Texts, each with the code of its colour ("" for none); neighbours of one colour are coloured at once. */
export function inked(parts: readonly (readonly [text: string, code: string])[], { colour }: Screen): string {
  let line = "", last = "";
  for (const [text, code] of parts) {
    if (colour && code !== last) line += (last ? "\x1b[0m" : "") + (code ? `\x1b[${code}m` : "");
    line += text;
    last = code;
  }
  return colour && last ? `${line}\x1b[0m` : line;
}

/** The code of the colour of a series. */
export function codeOf(series: number): string {
  return String(COLOURS[series % COLOURS.length]);
}

/** A text in bold. */
export function bold(text: string, { colour }: Screen): string {
  return colour ? `\x1b[1m${text}\x1b[0m` : text;
}
