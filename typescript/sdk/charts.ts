/**
 * How to print a number: `"ns"`, `"ms"` and `"s"` are lengths of time and `"bytes"` a size, all shown in the unit that
 * fits (`1.2s`, `340MiB`); `"fraction"` is shown in percent; `"percent"` as it is. Any other text is put behind the number.
 */
export type Unit = "ns" | "ms" | "s" | "bytes" | "fraction" | "percent" | (string & Record<never, never>);

/** One line of a chart. */
export interface LineSeries {
  /** What the legend calls it. */
  name: string;
  /** Its points by x; a null is a gap. In a chart over time x is a number of milliseconds since 1970. */
  points: [x: number, y: number | null][];
}

/** Lines over time, or over a number. */
export interface LineChart {
  /** The kind. */
  kind: "line";
  /** What it shows. */
  title?: string;
  /** The unit of the values. */
  unit?: Unit;
  /** Whether x is time. */
  time: boolean;
  /** The lines. */
  series: LineSeries[];
}

/** One bar for each of some names. */
export interface BarChart {
  /** The kind. */
  kind: "bar";
  /** What it shows. */
  title?: string;
  /** The unit of the values. */
  unit?: Unit;
  /** Names and values, from top to bottom. */
  bars: [label: string, value: number][];
}

/** A line that is one row high. */
export interface SparkChart {
  /** The kind. */
  kind: "spark";
  /** What it shows. */
  title?: string;
  /** The unit of the values. */
  unit?: Unit;
  /** The values; a null is a gap. */
  values: (number | null)[];
}

/** A grid of values that are shown as colours. */
export interface HeatmapChart {
  /** The kind. */
  kind: "heatmap";
  /** What it shows. */
  title?: string;
  /** The unit of the values. */
  unit?: Unit;
  /** Whether the columns are times, then as numbers of milliseconds since 1970. */
  time: boolean;
  /** The columns' names, from left to right. */
  x: (number | string)[];
  /** The rows' names, from top to bottom. */
  y: string[];
  /** The values by row, then by column; a null is an empty cell. */
  values: (number | null)[][];
}

/** A table. */
export interface TableChart {
  /** The kind. */
  kind: "table";
  /** What it shows. */
  title?: string;
  /** The columns, from left to right. */
  columns: {
    /** Its name. */
    name: string;
    /** The unit of its values. */
    unit?: Unit;
  }[];
  /** The cells by row, then by column. */
  rows: unknown[][];
  /** How many rows a terminal shows at most; a report has them all. */
  shown?: number;
}

/** What can be drawn: plain data, which `plot.show` draws. */
export type Chart = LineChart | BarChart | SparkChart | HeatmapChart | TableChart;
