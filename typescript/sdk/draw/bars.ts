import type { BarChart, HeatmapChart, SparkChart } from "../charts.ts";
import { drawTicks } from "./line.ts";
import { ink, inked, type Screen } from "./screen.ts";
import { fit, visible, widthOf, withUnit } from "./text.ts";

const ROWS = 100;
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const LEVELS = "▁▂▃▄▅▆▇█";
const SHADES = "░▒▓█";
const HEAT = [17, 19, 54, 90, 126, 162, 198, 203, 209, 215, 221, 227]; // from dark blue to yellow, of 256 colours

/** Draws one bar a row; where values are negative, from a common zero. */
export function drawBars(chart: BarChart, screen: Screen): string[] {
  if (chart.bars.length === 0) return [];
  const bars = chart.bars.slice(0, ROWS);
  const names = bars.map(([label]) => visible(label));
  const texts = bars.map(([, value]) => withUnit(value, chart.unit));
  const margin = Math.min(Math.max(...names.map(widthOf)), Math.floor(screen.columns / 3));
  const room = Math.max(4, screen.columns - margin - Math.max(...texts.map(widthOf)) - 3);
  const finite = bars.map(([, value]) => Number.isFinite(value) ? value : 0);
  const low = Math.min(0, ...finite), high = Math.max(0, ...finite);
  const unit = high === low ? 0 : room / (high - low);
  const zero = Math.round(-low * unit);
  const lines = bars.map((_, number) => {
    const value = finite[number];
    const length = Math.min(Math.abs(value) * unit, value < 0 ? zero : room - zero);
    const whole = value < 0 ? Math.round(length) : Math.floor(length);
    const part = value < 0 ? "" : EIGHTHS[Math.floor((length - whole) * 8)];
    const bar = "█".repeat(whole) + part || (value === 0 ? "" : "▏");
    const before = " ".repeat(value < 0 ? Math.max(0, zero - whole) : zero);
    const after = " ".repeat(value < 0 ? Math.max(0, zero - before.length - bar.length) : 0);
    return `${fit(names[number], margin)} │${before}${ink(bar, 0, screen)}${after} ${texts[number]}`;
  });
  return [...lines, ...more(chart.bars.length)];
}

function more(count: number): string[] {
  return count > ROWS ? [`… ${count - ROWS} more`] : [];
}

/** Draws a line one row high; more values than fit are put together by their maximum. */
export function drawSpark(chart: SparkChart, screen: Screen): string[] {
  const known = chart.values.filter((value) => Number.isFinite(value)) as number[];
  if (known.length === 0) return [];
  const low = known.reduce((a, b) => Math.min(a, b)), high = known.reduce((a, b) => Math.max(a, b));
  const last = known[known.length - 1];
  const text = `${withUnit(low, chart.unit)}–${withUnit(high, chart.unit)}, last ${withUnit(last, chart.unit)}`;
  const title = chart.title === undefined ? "" : `${fitted(chart.title, Math.floor(screen.columns / 3))} `;
  const room = Math.max(8, screen.columns - widthOf(title) - widthOf(text) - 2);
  const drawn = joined(chart.values, room).map((value) => {
    if (value === null) return " ";
    return LEVELS[high === low ? 3 : Math.round((value - low) / (high - low) * 7)];
  });
  return [`${title}${ink(drawn.join(""), 0, screen)} ${text}`];
}

/** Draws a grid of cells, in colours or in shades; more columns than fit are put together by their maximum. */
export function drawHeatmap(chart: HeatmapChart, screen: Screen): string[] {
  const known = chart.values.flat().filter((value) => Number.isFinite(value)) as number[];
  if (known.length === 0) return [];
  const low = known.reduce((a, b) => Math.min(a, b)), high = known.reduce((a, b) => Math.max(a, b));
  const names = chart.y.map(visible);
  const margin = Math.min(Math.max(...names.slice(0, ROWS).map(widthOf)), Math.floor(screen.columns / 3));
  const room = Math.max(8, screen.columns - margin - 2);
  const each = Math.max(1, Math.min(8, Math.floor(room / chart.x.length)));
  const width = each * Math.min(chart.x.length, room);
  const steps = screen.colour ? HEAT.length : SHADES.length;
  const cell = (value: number | null, size: number): [string, string] => {
    if (value === null) return [" ".repeat(size), ""];
    const level = high === low ? steps - 1 : Math.min(steps - 1, Math.floor((value - low) / (high - low) * steps));
    return [(screen.colour ? "█" : SHADES[level]).repeat(size), `38;5;${HEAT[level]}`];
  };
  const lines = names.slice(0, ROWS).map((name, row) => {
    const cells = joined(chart.values[row] ?? [], room).map((value) => cell(value, each));
    return `${fit(name, margin, true)} │${inked(cells, screen)}`;
  });
  const numbers = chart.x.every((x) => typeof x === "number");
  const [rule, labels] = numbers
    ? drawTicks(chart.x[0] as number, chart.x[chart.x.length - 1] as number, chart.time, width)
    : ["─".repeat(width), fit(chart.x.map((x) => fit(visible(String(x)), each)).join(""), width).trimEnd()];
  const blank = " ".repeat(margin + 1);
  const legend = low === high ? [low] : [low, high];
  const marks = legend.map((value) => `${inked([cell(value, 1)], screen)} ${withUnit(value, chart.unit)}`);
  return [...lines, ...more(names.length), `${blank}└${rule}`, `${blank} ${labels}`, `${blank} ${marks.join("  ")}`];
}

function fitted(text: string, most: number): string {
  const shown = visible(text);
  return fit(shown, Math.min(widthOf(shown), most));
}

/** So many values at most: neighbours are put together by their maximum. */
function joined(values: readonly (number | null)[], most: number): (number | null)[] {
  const real = values.map((value) => Number.isFinite(value) ? value : null);
  if (real.length <= most) return real;
  return Array.from({ length: most }, (_, at) => {
    const from = Math.floor(at * real.length / most), to = Math.floor((at + 1) * real.length / most);
    const part = real.slice(from, to).filter((value) => value !== null);
    return part.length > 0 ? part.reduce((a, b) => Math.max(a, b)) : null;
  });
}
