import type { LineChart } from "../charts.ts";
import { scaleOf, ticksOf, timeLabel } from "./axis.ts";
import { fit, visible, widthOf, withUnit } from "./text.ts";
import { codeOf, ink, inked, type Screen } from "./screen.ts";

const HEIGHT = 12;
const BRAILLE = [[1, 8], [2, 16], [4, 32], [64, 128]];
const MARKS = "*+ox#@%&";

/** Draws lines: in braille, eight dots a character; several lines without colours by a mark for each. */
export function drawLine(chart: LineChart, screen: Screen): string[] {
  const drawn = chart.series.map(({ points }) => points.filter(([x]) => Number.isFinite(x)));
  const values = drawn.flatMap((points) => points.flatMap(([, y]) => Number.isFinite(y) ? [y!] : []));
  if (values.length === 0) return [];
  const { low, high, step } = scaleOf(values, chart.unit);
  let left = Infinity, right = -Infinity;
  for (const points of drawn) {
    for (const [x, y] of points) {
      if (!Number.isFinite(y)) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
    }
  }
  const labels = new Map<number, string>();
  for (let tick = 0; low + tick * step <= high + step / 2; tick++) {
    const value = Math.abs(low + tick * step) < step / 1e6 ? 0 : low + tick * step;
    labels.set(HEIGHT - 1 - Math.round((value - low) / (high - low) * (HEIGHT - 1)), withUnit(value, chart.unit));
  }
  const margin = Math.max(...[...labels.values()].map(widthOf));
  const width = Math.max(8, screen.columns - margin - 2);
  const marks = !screen.colour && chart.series.length > 1;
  const [across, up] = marks ? [1, 1] : [2, 4];
  const grid = Array.from({ length: HEIGHT }, () => Array.from({ length: width }, () => [0, -1]));

  function dot(x: number, y: number, series: number): void {
    const cell = grid[Math.floor(y / up)][Math.floor(x / across)];
    cell[0] |= marks ? 1 : BRAILLE[y % 4][x % 2];
    cell[1] = series;
  }
  drawn.forEach((points, series) => {
    let last: [number, number] | undefined;
    for (const [x, y] of points) {
      if (!Number.isFinite(y)) {
        last = undefined;
        continue;
      }
      const here: [number, number] = [
        Math.round((right === left ? 0.5 : (x - left) / (right - left)) * (width * across - 1)),
        Math.round((high - y!) / (high - low) * (HEIGHT * up - 1)),
      ];
      const from = last ?? here;
      const steps = Math.max(1, Math.abs(here[0] - from[0]), Math.abs(here[1] - from[1]));
      for (let at = 0; at <= steps; at++) {
        const part = at / steps;
        dot(
          Math.round(from[0] + (here[0] - from[0]) * part),
          Math.round(from[1] + (here[1] - from[1]) * part),
          series,
        );
      }
      last = here;
    }
  });

  const lines = grid.map((row, number) => {
    const label = labels.get(number);
    const used = row.slice(0, row.findLastIndex(([bits]) => bits > 0) + 1);
    const line = used.map(([bits, series]): [string, string] =>
      bits === 0 ? [" ", ""] : [marks ? MARKS[series % 8] : String.fromCharCode(0x2800 + bits), codeOf(series)]
    );
    return `${fit(label ?? "", margin, true)} ${label === undefined ? "│" : "┤"}${inked(line, screen)}`;
  });
  lines.push(
    ...drawTicks(left, right, chart.time, width).map((line, number) =>
      " ".repeat(margin + 1) + (number ? " " : "└") + line
    ),
  );
  if (chart.series.length > 1) {
    lines.push(...drawLegend(chart, screen, marks));
  }
  return lines;
}

function drawLegend(chart: LineChart, screen: Screen, marks: boolean): string[] {
  const lines: string[] = [];
  let line = "", width = 0;
  chart.series.forEach(({ name }, series) => {
    const shown = fit(visible(name), Math.min(widthOf(visible(name)), screen.columns - 4));
    const needed = widthOf(shown) + 4;
    if (width > 0 && width + needed > screen.columns) {
      lines.push(line);
      line = "";
      width = 0;
    }
    line += `  ${ink(marks ? MARKS[series % 8] : "━", series, screen)} ${shown}`;
    width += needed;
  });
  return [...lines, line];
}

/** The axis below a drawing, and what stands below its ticks. */
export function drawTicks(left: number, right: number, time: boolean, width: number): string[] {
  const span = right - left;
  const sample = time ? timeLabel(left, span).length : 8;
  const rule = Array(width).fill("─");
  let labels = "";
  for (const tick of ticksOf(left, right, time, Math.floor((width - 4) / (sample + 4)))) {
    const at = Math.round((span === 0 ? 0.5 : (tick - left) / span) * (width - 1));
    const text = time ? timeLabel(tick, span) : withUnit(tick);
    const start = Math.max(0, Math.min(at - Math.floor(text.length / 2), width - text.length));
    if (labels !== "" && start <= labels.length) continue;
    rule[at] = "┬";
    labels = labels.padEnd(start) + text;
  }
  if (time && labels.length + 4 <= width) labels = labels.padEnd(width - 3) + "UTC";
  return [rule.join(""), labels];
}
