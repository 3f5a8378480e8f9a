import type { TableChart } from "../charts.ts";
import { bold, type Screen } from "./screen.ts";
import { fit, visible, widthOf, withUnit } from "./text.ts";

const NARROWEST = 4;
const ROWS = 100;

/** Draws a table in the screen's width: the widest columns give way first. */
export function drawTable(chart: TableChart, screen: Screen): string[] {
  const { columns } = chart;
  if (chart.rows.length === 0 || columns.length === 0) return [];
  const rows = chart.rows.slice(0, chart.shown ?? ROWS);
  const heads = columns.map(({ name }) => visible(name));
  const cells = rows.map((row) => columns.map(({ unit }, at) => visible(cellText(row[at], unit))));
  const right = columns.map((_, at) => {
    const present = rows.map((row) => row[at]).filter((value) => value !== null && value !== undefined);
    return present.length > 0 && present.every((value) => typeof value === "number" || typeof value === "bigint");
  });
  const widths = heads.map((head, at) => Math.max(widthOf(head), ...cells.map((row) => widthOf(row[at]))));
  let over = widths.reduce((sum, width) => sum + width + 2, -2) - screen.columns;
  while (over > 0 && Math.max(...widths) > NARROWEST) {
    const widest = Math.max(...widths);
    const next = Math.max(NARROWEST, ...widths.filter((width) => width < widest));
    const wide = widths.flatMap((width, at) => width === widest ? [at] : []);
    const less = Math.max(1, Math.min(widest - next, Math.ceil(over / wide.length)));
    for (const at of wide) {
      if (over <= 0) break;
      const taken = Math.min(less, over, widths[at] - NARROWEST);
      widths[at] -= taken;
      over -= taken;
    }
  }
  const line = (fields: string[]): string =>
    fields.map((field, at) => fit(field, widths[at], right[at])).join("  ").trimEnd();
  const more = chart.rows.length - rows.length;
  return [
    bold(line(heads), screen),
    widths.map((width) => "─".repeat(width)).join("  "),
    ...cells.map(line),
    ...more > 0 ? [`… ${more} more row${more === 1 ? "" : "s"}`] : [],
  ];
}

/** What stands in a cell. */
export function cellText(value: unknown, unit: string | undefined): string {
  if (value === null || value === undefined) return "-";
  if (typeof value === "number" && unit) return withUnit(value, unit);
  if (typeof value === "bigint" && unit) return withUnit(Number(value), unit);
  if (typeof value === "number") {
    return Number.isInteger(value) ? String(value) : String(Number(value.toFixed(3)) || value);
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "-" : value.toISOString();
  if (typeof value !== "object") return String(value);
  return JSON.stringify(value, (_, part) => typeof part === "bigint" ? String(part) : part) ?? "";
}
