/// <reference lib="dom" />
// The page that `coral run --html` makes: draws the records of a run. Nothing of a record becomes markup: texts
// become text nodes, numbers become lengths. It loads nothing; the page's policy would not let it.

import uPlot from "uplot";
import type { BarChart, Chart, HeatmapChart, LineChart, SparkChart, TableChart } from "../charts.ts";
import { cellText } from "../draw/table.ts";
import { visible, withUnit } from "../draw/text.ts";

/** What is said of the run. */
interface About {
  script: string;
  colony: string | null;
  params: Record<string, unknown>;
  started: string;
  seconds: number;
  outcome: string;
  failed: boolean;
  version: string;
  limitBytes: number;
  damaged: number;
}

/** One thing that the script printed, drew or handed over. */
type Item =
  | Chart
  | { kind: "text"; text: string }
  | { kind: "output"; value: unknown }
  | { kind: "cut" }
  | { kind: "dropped"; bytes: number };

const HEIGHT = 280;
const SERIES = 6;
const redraws: (() => void)[] = [];

/** An element with a class and what is in it. */
function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  kind = "",
  ...inside: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (kind) element.className = kind;
  // What turns or hides text is shown as what it is; of lines of text only the lines remain.
  element.append(
    ...inside.map((each) =>
      typeof each !== "string" ? each : tag === "pre" ? each.split("\n").map(visible).join("\n") : visible(each)
    ),
  );
  return element;
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function drawText(text: string): Node {
  return make("pre", "", text);
}

function drawTable({ columns, rows }: TableChart): Node {
  const right = columns.map((_, at) =>
    rows.some((row) => typeof row[at] === "number") &&
    rows.every((row) => typeof row[at] === "number" || row[at] === null || row[at] === undefined)
  );
  const body = make("tbody");
  const heads = columns.map(({ name }, at) => {
    const button = make("button", "", name);
    const head = make("th", right[at] ? "right" : "", button);
    head.scope = "col";
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      fill([...rows].sort((a, b) => compare(a[at], b[at], descending ? -1 : 1)));
    });
    return head;
  });
  function fill(sorted: unknown[][]): void {
    body.replaceChildren(...sorted.map((row) => {
      const cells = columns.map(({ unit }, at) => make("td", right[at] ? "right" : "", cellText(row[at], unit)));
      return make("tr", "", ...cells);
    }));
  }
  fill(rows);
  return make("div", "wide", make("table", "", make("thead", "", make("tr", "", ...heads)), body));
}

/** Orders cells; what is absent comes last in both directions. */
function compare(a: unknown, b: unknown, direction: number): number {
  const none = [a, b].map((value) => value === null || value === undefined);
  if (none[0] || none[1]) return Number(none[0]) - Number(none[1]);
  if (typeof a === "number" && typeof b === "number") return direction * (a - b);
  return direction * cellText(a, undefined).localeCompare(cellText(b, undefined), "en", { numeric: true });
}

function drawLine({ series, time, unit }: LineChart): Node {
  const place = make("div");
  const at = [...new Set(series.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b);
  const columns = series.map(({ points }) => {
    const known = new Map(points);
    return at.map((x) => known.has(x) ? known.get(x) : undefined); // undefined is joined over, null is a gap
  });
  const data = [at.map((x) => time ? x / 1000 : x), ...columns] as uPlot.AlignedData;
  const few = at.length < 40;
  let chart: uPlot | undefined;
  const draw = (): void => {
    chart?.destroy();
    const axis = {
      stroke: colour("--quiet"),
      grid: { stroke: colour("--rule"), width: 1 },
      ticks: { stroke: colour("--rule"), width: 1 },
    };
    chart = new uPlot(
      {
        width: place.clientWidth || 800,
        height: HEIGHT,
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
        scales: { x: { time } },
        axes: [{ ...axis, ...time ? { values: timeLabels } : {} }, {
          ...axis,
          size: 80,
          values: (_, ticks) => ticks.map((tick) => withUnit(tick, unit)),
        }],
        series: [
          time
            ? { label: "time (UTC)", value: (_: uPlot, value: number | null) => value === null ? "–" : clock(value) }
            : { label: "x" },
          ...series.map(({ name }, number) => ({
            label: name,
            stroke: colour(`--series-${number % SERIES}`),
            dash: number >= SERIES ? [6, 4] : undefined,
            width: 1.5,
            points: { show: few, size: 5 },
            value: (_: uPlot, value: number | null) =>
              value === null || value === undefined ? "–" : withUnit(value, unit),
          })),
        ],
      },
      data,
      place,
    );
  };
  redraws.push(draw);
  return place;
}

/** Seconds since 1970, in UTC. */
function clock(seconds: number): string {
  return new Date(seconds * 1e3).toISOString().slice(0, 19).replace("T", " ");
}

/** What stands below an axis of time: the clock, and the date where it begins or changes. */
function timeLabels(_: uPlot, ticks: number[], __: number, ___: number, step: number): string[] {
  let last = "";
  return ticks.map((tick) => {
    const [date, time] = clock(tick).split(" ");
    const text = step >= 86400 ? date : step >= 60 ? time.slice(0, 5) : time;
    const begins = date !== last && step < 86400;
    last = date;
    return begins ? `${text}\n${date}` : text;
  });
}

function drawBars({ bars, unit }: BarChart): Node {
  const sizes = bars.map(([, value]) => Number.isFinite(value) ? value : 0);
  const low = sizes.reduce((a, b) => Math.min(a, b), 0), high = sizes.reduce((a, b) => Math.max(a, b), 0);
  const share = (value: number): number => high === low ? 0 : value / (high - low) * 100;
  const place = make("div", "bars");
  bars.forEach(([name, value], number) => {
    const fill = make("div", "fill");
    fill.style.left = `${share(Math.min(0, sizes[number]) - low)}%`;
    fill.style.width = `${share(Math.abs(sizes[number]))}%`;
    const text = value === null ? "-" : withUnit(value, unit);
    place.append(make("span", "name", name), make("div", "track", fill), make("span", "value", text));
  });
  return place;
}

function drawSpark({ values, unit }: SparkChart): Node {
  const known = values.filter((value) => value !== null);
  const low = Math.min(...known), high = Math.max(...known);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 240 32");
  svg.setAttribute("width", "240");
  svg.setAttribute("height", "32");
  const path = values.map((value, at) => {
    if (value === null) return "";
    const x = values.length === 1 ? 120 : 2 + at / (values.length - 1) * 236;
    const y = high === low ? 16 : 30 - (value - low) / (high - low) * 28;
    const joins = at > 0 && values[at - 1] !== null;
    const alone = !joins && (values[at + 1] ?? null) === null;
    return `${joins ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}${alone ? "h1.5" : ""}`;
  });
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path.join(""));
  svg.append(line);
  const text = `${withUnit(low, unit)}–${withUnit(high, unit)}, last ${withUnit(known[known.length - 1], unit)}`;
  return make("div", "spark", svg, text);
}

function drawHeatmap({ x, y, values, time, unit }: HeatmapChart): Node {
  const known = values.flat().filter((value) => value !== null);
  const low = known.reduce((a, b) => Math.min(a, b)), high = known.reduce((a, b) => Math.max(a, b));
  const names = x.map((name) =>
    typeof name === "number" && time ? new Date(name).toISOString().slice(0, 19) : String(name)
  );
  const rows = y.map((name, row) =>
    make(
      "tr",
      "",
      make("th", "", name),
      ...values[row].map((value, column) => {
        const cell = make("td", "cell");
        if (value !== null) {
          const part = high === low ? 1 : (value - low) / (high - low);
          cell.style.background = `hsl(${255 - 200 * part} 75% ${30 + 40 * part}%)`;
          cell.title = `${names[column]}, ${name}: ${withUnit(value, unit)}`;
        }
        return cell;
      }),
    )
  );
  const ends = make(
    "td",
    "",
    make("div", "ends", make("span", "", names[0]), make("span", "", names[names.length - 1])),
  );
  ends.colSpan = x.length;
  const scale = `${withUnit(low, unit)} (dark) to ${withUnit(high, unit)} (light)${time ? ", times in UTC" : ""}`;
  return make(
    "div",
    "wide",
    make("table", "heat", make("tbody", "", ...rows, make("tr", "", make("th"), ends))),
    make("div", "facts", scale),
  );
}

/** A value of coral.output: rows as a table, all else as JSON. */
function drawOutput(value: unknown): Node {
  if (Array.isArray(value) && value.length > 0 && value.every((row) => Object(row) === row && !Array.isArray(row))) {
    const names = [...new Set(value.flatMap((row) => Object.keys(row)))];
    const rows = value.map((row) => names.map((name) => row[name]));
    return drawTable({ kind: "table", columns: names.map((name) => ({ name })), rows });
  }
  return drawText(typeof value === "string" ? value : JSON.stringify(value, null, 2) ?? "undefined");
}

function hasData(chart: Chart): boolean {
  switch (chart.kind) {
    case "line":
      return chart.series.some(({ points }) => points.some(([, y]) => y !== null));
    case "bar":
      return chart.bars.length > 0;
    case "spark":
      return chart.values.some((value) => value !== null);
    case "heatmap":
      return chart.values.some((row) => row.some((value) => value !== null));
    case "table":
      return chart.rows.length > 0 && chart.columns.length > 0;
  }
}

function drawChart(chart: Chart): Node {
  switch (chart.kind) {
    case "line":
      return drawLine(chart);
    case "bar":
      return drawBars(chart);
    case "spark":
      return drawSpark(chart);
    case "heatmap":
      return drawHeatmap(chart);
    case "table":
      return drawTable(chart);
  }
}

function draw(item: Item, about: About): Node {
  const limit = withUnit(about.limitBytes, "bytes");
  switch (item.kind) {
    case "text":
      return drawText(item.text);
    case "output":
      return make("section", "", drawOutput(item.value));
    case "cut":
      return make("p", "bad", `Something is left out here: a report keeps ${limit}.`);
    case "dropped":
      return make("p", "bad", `${withUnit(item.bytes, "bytes")} more are left out: a report keeps ${limit}.`);
    default: {
      const section = make("section");
      if (item.title !== undefined) section.append(make("h2", "", item.title));
      section.append(hasData(item) ? drawChart(item) : make("p", "empty", "no data"));
      return section;
    }
  }
}

function drawAbout(about: About): Node[] {
  const params = Object.entries(about.params).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const facts = [
    about.started.replace("T", " ").replace("+00:00", " UTC"),
    `${about.seconds} s`,
    about.outcome,
    ...about.colony === null ? [] : [`colony ${about.colony}`],
    ...params,
    `Coral ${about.version}`,
  ];
  const lines: Node[] = [
    make("h1", "", about.script),
    make("div", about.failed ? "facts bad" : "facts", facts.join(" · ")),
  ];
  if (about.damaged > 0) lines.push(make("div", "facts bad", `${about.damaged} records could not be read`));
  return lines;
}

const { about, records } = JSON.parse(document.getElementById("data")!.textContent!) as {
  about: About;
  records: Item[];
};
document.title = `${about.script} – Coral report`;
document.getElementById("about")!.append(...drawAbout(about));
document.getElementById("records")!.replaceChildren(...records.map((item) => {
  try {
    return draw(item, about);
  } catch (error) { // a record that no SDK has made
    return make("p", "bad", `A ${String(item.kind)} could not be drawn: ${String(error)}`);
  }
}));
if (records.length === 0) document.getElementById("records")!.append(make("p", "empty", "The script printed nothing."));
const redraw = (): void => redraws.forEach((each) => each());
redraw();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
addEventListener("resize", redraw);
