/**
 * Charts in the terminal, and with `coral run --html report.html` in a page, too.
 *
 * Like `console.log` they print on stdout. They are as wide as the terminal (80 columns where there is none), and
 * coloured only there. Times are shown in UTC. Without data they say "no data".
 *
 * @module
 */

import type { BarChart, Chart, HeatmapChart, LineChart, SparkChart, Unit } from "./charts.ts";
import { checkOptions } from "./call_options.ts";
import { draw } from "./draw/draw.ts";
import { screenNow } from "./draw/screen.ts";
import { withUnit } from "./draw/text.ts";
import { invalidArgument } from "./errors.ts";
import { type Hooks, RUN } from "./run_hooks.ts";

/** A point: x and y, or a time and a value. A null for y is a gap. */
export type Point = readonly [x: Date | number, y: number | null] | {
  /** When. */
  readonly time: Date;
  /** How much; a null is a gap. */
  readonly value: number | null;
};

/** The points of one line; of numbers alone x is their place, from 0. */
export type Points = readonly (number | null)[] | readonly Point[];

/** A row of a table or of a query's result. */
// deno-lint-ignore no-explicit-any -- rows of interfaces have no index signature; unknown would refuse them
export type PlotRow = Readonly<Record<string, any>>;

/** What all charts may say. */
export interface PlotOptions {
  /** What it shows. */
  title?: string;
  /** The unit of the values. */
  unit?: Unit;
}

/** How to make lines of rows. */
export interface LineOptions extends PlotOptions {
  /** The column of x: times or numbers. Default: `"time"`, or `"start"` (of `coral.metrics.series`). */
  x?: string;
  /** The column of the values; several make a line each. Default: `"value"`. */
  y?: string | readonly string[];
  /** The column that tells lines apart, such as `"service_name"`. */
  by?: string;
}

/** How to make bars of rows. */
export interface BarOptions extends PlotOptions {
  /** The column of the names. Default: `"label"`; of a histogram's buckets, their bounds. */
  label?: string;
  /** The column of the values. Default: `"value"`; of a histogram's buckets, `"count"`. */
  value?: string;
}

/** The cells of a heatmap. */
export interface HeatmapData {
  /** The columns: times, numbers or names, from left to right. */
  x: readonly (Date | number | string)[];
  /** The rows' names, from top to bottom. */
  y: readonly (number | string)[];
  /** The values by row, then by column; a null is an empty cell. */
  values: readonly (readonly (number | null)[])[];
}

/**
 * Draws lines over time, or over a number.
 *
 * @param data One line's points, several lines by name, or rows with the columns that `options` name.
 * @param options Title, unit, and for rows the columns.
 * @throws {CoralError} `INVALID_ARGUMENT`: the data have another form, or an option does not exist.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * coral.plot.line([12, 15, 11, 90, 14], { title: "P99", unit: "ms" });
 * const series = await coral.metrics.series("payments");
 * coral.plot.line(series, { y: ["p50", "p99"], title: "Latency of payments", unit: "ns" });
 * const rows = await coral.db.query("SELECT bucket_time, agent_id, cpu_pct FROM system_metrics_rollup");
 * coral.plot.line(rows, { x: "bucket_time", y: "cpu_pct", by: "agent_id", unit: "percent" });
 * ```
 */
export function line(
  data: Points | Readonly<Record<string, Points>> | readonly PlotRow[],
  options: LineOptions = {},
): void {
  show(lineChart(data, options));
}

/**
 * Draws a bar for each of some names.
 *
 * @param data Values by name, pairs of name and value, or rows with the columns that `options` name.
 * @param options Title, unit, and for rows the columns.
 * @throws {CoralError} `INVALID_ARGUMENT`: the data have another form, or an option does not exist.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * coral.plot.bar({ orders: 23.1, payments: 892.1 }, { title: "P99", unit: "ms" });
 * const histogram = await coral.metrics.histogram("payments", undefined, { buckets: 16 });
 * coral.plot.bar(histogram.buckets, { title: "Requests of payments by latency" });
 * ```
 */
export function bar(
  data: Readonly<Record<string, number>> | readonly (readonly [label: string, value: number])[] | readonly PlotRow[],
  options: BarOptions = {},
): void {
  show(barChart(data, options));
}

/**
 * Draws a line that is one row high, with the least, the greatest and the last value behind it.
 *
 * @param data The points.
 * @param options Title, which stands before it, and unit.
 * @throws {CoralError} `INVALID_ARGUMENT`: the data have another form, or an option does not exist.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * coral.plot.spark([3, 5, 4, 9, 4], { title: "errors" });
 * ```
 */
export function spark(data: Points, options: PlotOptions = {}): void {
  show(sparkChart(data, options));
}

/**
 * Draws a grid of values as colours; without colours as shades.
 *
 * @param data The columns, the rows and the cells.
 * @param options Title and unit.
 * @throws {CoralError} `INVALID_ARGUMENT`: the data have another form, or an option does not exist.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * coral.plot.heatmap({
 *   x: [0, 1, 2].map((minute) => new Date(Date.UTC(2026, 0, 1, 12, minute))),
 *   y: ["100ms", "10ms"],
 *   values: [[0, 4, 1], [90, 80, 95]],
 * }, { title: "Requests by latency" });
 * ```
 */
export function heatmap(data: HeatmapData, options: PlotOptions = {}): void {
  show(heatmapChart(data, options));
}

/**
 * Draws a chart that is given as data, such as the plots of a skill's result.
 *
 * @param chart The chart.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * coral.plot.show({ kind: "bar", title: "Requests", bars: [["orders", 120], ["payments", 80]] });
 * ```
 */
export function show(chart: Chart): void {
  const print = (): void => console.log("%s", draw(chart, screenNow()));
  const report = (globalThis as Hooks)[RUN]?.report;
  if (report) report(chart, print);
  else print();
}

/** @internal */
export function lineChart(
  data: Points | Readonly<Record<string, Points>> | readonly PlotRow[],
  options: LineOptions = {},
): LineChart {
  checkOptions(options, "plot.line", ["x", "y", "by", "title", "unit"]);
  const { x: named, y = "value", by, title, unit } = options;
  const lines = new Map<string, [unknown, unknown][]>();
  const add = (name: string, point: [unknown, unknown]): void => {
    const points = lines.get(name);
    if (points) points.push(point);
    else lines.set(name, [point]);
  };
  if (!Array.isArray(data)) {
    if (Object(data) !== data) throw wrong("data", data, "points, or an object of points by name");
    for (const [name, points] of Object.entries(data as Record<string, Points>)) {
      if (!Array.isArray(points)) throw wrong(name, points, "points");
      lines.set(name, points.map(pair));
    }
  } else if (data.every((item) => item === null || typeof item !== "object" || Array.isArray(item))) {
    lines.set(title ?? "value", data.map(pair));
  } else {
    const columns = typeof y === "string" ? [y] : y;
    const x = named ?? ("start" in data[0] && !("time" in data[0]) ? "start" : "time");
    for (const row of data as PlotRow[]) {
      for (const column of columns) {
        if (!(x in row) || !(column in row)) {
          throw wrong("a row", Object.keys(row).join(), `the columns ${x} and ${column}`);
        }
        const name = by === undefined ? column : `${row[by]}${columns.length > 1 ? ` ${column}` : ""}`;
        add(name, [row[x], row[column]]);
      }
    }
  }
  const times = [...lines.values()].map((points) => points.some(([at]) => at instanceof Date));
  const series = [...lines].map(([name, points]) => ({
    name,
    points: points.map(([at, value]): [number, number | null] => [numberOf(at, "x"), valueOf(value)])
      .sort((a, b) => a[0] - b[0]),
  }));
  return { kind: "line", title, unit, time: times.includes(true), series };
}

/** @internal */
export function barChart(
  data: Readonly<Record<string, number>> | readonly (readonly [string, number])[] | readonly PlotRow[],
  options: BarOptions = {},
): BarChart {
  checkOptions(options, "plot.bar", ["label", "value", "title", "unit"]);
  const { label, value, title, unit } = options;
  if (Object(data) !== data) throw wrong("data", data, "an object of values by name, pairs, or rows");
  const pairs: [unknown, unknown][] = !Array.isArray(data) ? Object.entries(data) : data.map((item) => {
    if (Array.isArray(item)) return [item[0], item[1]];
    const isBucket = item?.lower !== undefined && item.upper !== undefined;
    return [
      label === undefined && isBucket
        ? `${withUnit(item.lower, "ns")}–${withUnit(item.upper, "ns")}`
        : item?.[label ?? "label"],
      item?.[value ?? (isBucket ? "count" : "value")],
    ];
  });
  return { kind: "bar", title, unit, bars: pairs.map(([name, size]) => [String(name), numberOf(size, String(name))]) };
}

/** @internal */
export function sparkChart(data: Points, options: PlotOptions = {}): SparkChart {
  checkOptions(options, "plot.spark", ["title", "unit"]);
  const { title, unit } = options;
  if (!Array.isArray(data)) throw wrong("data", data, "points");
  return { kind: "spark", title, unit, values: data.map((item, at) => valueOf(pair(item, at)[1])) };
}

/** @internal */
export function heatmapChart({ x, y, values }: HeatmapData, options: PlotOptions = {}): HeatmapChart {
  checkOptions(options, "plot.heatmap", ["title", "unit"]);
  const { title, unit } = options;
  if (![x, y, values].every(Array.isArray)) throw wrong("data", "", "{ x, y, values }, a list each");
  if (values.length !== y.length || values.some((row) => row.length !== x.length)) {
    throw wrong("values", `${values.length} rows`, `${y.length} rows of ${x.length} values`);
  }
  const time = x.some((item) => item instanceof Date);
  return {
    kind: "heatmap",
    title,
    unit,
    time,
    x: x.map((item) => typeof item === "string" ? item : Number(item)),
    y: y.map(String),
    values: values.map((row) => row.map(valueOf)),
  };
}

function pair(item: unknown, at: number): [unknown, unknown] {
  if (Array.isArray(item)) return [item[0], item[1]];
  if (item !== null && typeof item === "object") {
    const { time, value } = item as { time?: unknown; value?: unknown };
    return [time, value];
  }
  return [at, item];
}

function valueOf(value: unknown): number | null {
  if (value === null || value === undefined) return null;
  const number = numberOf(value, "a value");
  return Number.isFinite(number) ? number : null;
}

function numberOf(value: unknown, name: string): number {
  if (typeof value === "number" || typeof value === "bigint" || value instanceof Date) return Number(value);
  throw wrong(name, value, "a number");
}

function wrong(name: string, value: unknown, expected: string): Error {
  return invalidArgument(`${name} is ${String(value)}, expected ${expected}`, "see docs/guides/plots-and-reports.md");
}
