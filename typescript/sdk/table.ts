import { checkOptions } from "./call_options.ts";
import type { TableChart, Unit } from "./charts.ts";
import { invalidArgument } from "./errors.ts";
import { type PlotRow, show } from "./plot.ts";

/** How to print a table. */
export interface TableOptions {
  /** What it shows. */
  title?: string;
  /** The columns that are shown, in this order. Default: all. */
  columns?: readonly string[];
  /** The units of columns by name, such as `{ p99_ns: "ns" }`. */
  units?: Readonly<Record<string, Unit>>;
  /** How many rows a terminal shows at most. Default: 100. A report has all of them. */
  limit?: number;
}

/**
 * Prints rows as a table; with `coral run --html report.html` it is in the page, too, and can be sorted there.
 *
 * It is as wide as the terminal at most (80 columns where there is none): long texts are cut. Without rows it says
 * "no data".
 *
 * @param rows The rows.
 * @param options Title, columns and units.
 * @throws {CoralError} `INVALID_ARGUMENT`: `rows` is no list of objects, or an option does not exist.
 *
 * @example
 * ```ts
 * import * as coral from "@coral/sdk";
 *
 * const rows = await coral.db.query("SELECT service_name, request_count, p99_ms FROM service_summary");
 * coral.table(rows, { title: "Services", units: { p99_ms: "ms" } });
 * ```
 */
export function table(rows: readonly PlotRow[], options: TableOptions = {}): void {
  show(tableChart(rows, options));
}

/** @internal */
export function tableChart(rows: readonly PlotRow[], options: TableOptions = {}): TableChart {
  checkOptions(options, "table", ["title", "columns", "units", "limit"]);
  const { title, columns, units = {}, limit } = options;
  if (!Array.isArray(rows) || rows.some((row) => Object(row) !== row)) {
    throw invalidArgument("rows is no list of objects", "coral.output prints any value");
  }
  const names = columns ?? [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return {
    kind: "table",
    title,
    columns: names.map((name) => ({ name, unit: Object.hasOwn(units, name) ? units[name] : undefined })),
    rows: rows.map((row) => names.map((name) => row[name])),
    shown: limit,
  };
}
