// What charts look like on a terminal.

import assert from "node:assert/strict";
import type { Chart } from "../charts.ts";
import { draw } from "../draw/draw.ts";
import { niceStep, scaleOf, ticksOf, timeLabel } from "../draw/axis.ts";
import { fit, visible, widthOf, withUnit } from "../draw/text.ts";
import { CoralError } from "../errors.ts";
import { bar, barChart, heatmap, heatmapChart, line, lineChart, type Points, spark, sparkChart } from "../plot.ts";
import { table, tableChart } from "../table.ts";

const plain = { columns: 80, colour: false };
const colour = { columns: 80, colour: true };
const noon = Date.UTC(2026, 0, 2, 12);
const minutes = (count: number, value: (minute: number) => number | null): Points =>
  Array.from({ length: count }, (_, minute) => [new Date(noon + minute * 60_000), value(minute)] as const);

const widths: [string, number][] = [
  ["plain", 5],
  ["é", 1],
  ["e\u0301", 1],
  ["日本", 4],
  ["ｱ", 1],
  ["Ａ", 2],
  ["한국", 4],
  ["👩\u200d👩\u200d👧", 2],
  ["🇩🇪", 2],
  ["❤\ufe0f", 2],
  ["⚠", 1],
  ["👍🏽", 2],
  ["𠮷", 2],
  ["─│⣿", 3],
  ["", 0],
];
for (const [text, columns] of widths) {
  Deno.test(`${JSON.stringify(text)} is ${columns} columns wide`, () => assert.equal(widthOf(text), columns));
}

Deno.test("a text is cut to columns, never through a character", () => {
  assert.equal(fit("payments", 5), "paym…");
  assert.equal(fit("日本語", 4), "日… ");
  assert.equal(fit("日本語", 5), "日本…");
  assert.equal(fit("ab", 4, true), "  ab");
  assert.equal(fit("ab", 0), "");
});

Deno.test("what steers a terminal is shown and not obeyed", () => {
  assert.equal(visible("a\x1b[2Jb\x9b\n\u202e\u2066"), "a\\x1b[2Jb\\x9b\\x0a\\u202e\\u2066");
  assert.equal(visible("日本 👩\u200d💻"), "日本 👩\u200d💻");
});

const units: [number, string | undefined, string][] = [
  [0, "ms", "0ms"],
  [1234, undefined, "1.23k"],
  [12, undefined, "12"],
  [0.5, undefined, "0.5"],
  [-3.14159, undefined, "-3.14"],
  [1.2e7, "requests", "12M requests"],
  [892_123_456, "ns", "892ms"],
  [999_900_000, "ns", "1s"],
  [1500, "ms", "1.5s"],
  [0.25, "ms", "250µs"],
  [90, "s", "1.5min"],
  [1536, "bytes", "1.5KiB"],
  [0.0123, "fraction", "1.23%"],
  [1, "fraction", "100%"],
  [45.6, "percent", "45.6%"],
  [1e-7, undefined, "1.0e-7"],
];
for (const [value, unit, text] of units) {
  Deno.test(`${value} ${unit ?? "without a unit"} is ${text}`, () => assert.equal(withUnit(value, unit), text));
}

Deno.test("axes have round steps", () => {
  assert.deepEqual([0.13, 3, 70, 1e6].map((least) => niceStep(least)), [0.2, 5, 100, 1e6]);
  assert.equal(niceStep(3 * 1024, "bytes"), 5 * 1024);
  assert.deepEqual(scaleOf([3, 97]), { low: 0, high: 100, step: 50 });
  assert.deepEqual(scaleOf([990, 995]), { low: 990, high: 996, step: 2 }, "zero would hide the difference");
  assert.deepEqual(scaleOf([5]), { low: 0, high: 6, step: 2 });
  assert.deepEqual(scaleOf([0]), { low: 0, high: 1, step: 0.5 });
  assert.deepEqual(ticksOf(noon + 1, noon + 10 * 60_000, true, 3).map((tick) => timeLabel(tick, 6e5)), [
    "12:05",
    "12:10",
  ]);
  assert.deepEqual(ticksOf(0, 10, false, 5), [0, 2, 4, 6, 8, 10]);
});

Deno.test("labels of time are as fine as what they cover", () => {
  assert.deepEqual([1e4, 36e5, 864e5, 30 * 864e5].map((span) => timeLabel(noon, span)), [
    "12:00:00",
    "12:00",
    "01-02 12:00",
    "2026-01-02",
  ]);
});

const narrow = { columns: 40, colour: false };

Deno.test("one line is drawn in braille, over time", () => {
  const chart = lineChart(minutes(11, (minute) => minute * 10), { title: "P99", unit: "ms" });
  assert.equal(
    draw(chart, narrow),
    `P99
100ms ┤                              ⢀⡠⠊
      │                           ⢀⡠⠔⠁
      │                         ⡠⠊⠁
      │                      ⣀⠔⠉
      │                   ⢀⠤⠊
 50ms ┤                 ⡠⠔⠁
      │             ⢀⡠⠔⠊
      │           ⣀⠔⠁
      │        ⢀⠤⠊
      │     ⢀⡠⠒⠁
      │  ⢀⡠⠒⠁
  0ms ┤⡠⠔⠁
      └┬───────────────┬───────────────┬
       12:00         12:05         12:10`,
  );
});

Deno.test("several lines without colours have a mark each; a null is a gap", () => {
  const chart = lineChart({
    a: minutes(11, (minute) => minute * 10),
    "日本": minutes(11, (minute) => minute === 5 ? null : 100 - minute * minute),
  });
  assert.equal(
    draw(chart, narrow),
    `100 ┤+++++++++                        **
    │         +++                  ***
    │            +++           ****
    │                       ***
    │                    ++*
 50 ┤                  **  +++
    │                **       ++
    │             ***           +
    │         ****               ++
    │      ***                     ++
    │  ****                          ++
  0 ┤**                                +
    └┬────────────────┬────────────────┬
     12:00          12:05          12:10
  * a  + 日本`,
  );
});

Deno.test("lines have a colour each, and neighbours share one sequence", () => {
  const text = draw(lineChart({ a: [0, 0], b: [1, 1] }), { columns: 20, colour: true }).split("\n");
  assert.equal(text[0], "  1 ┤\x1b[33m⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉\x1b[0m");
  assert.equal(text[11], "  0 ┤\x1b[36m⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀\x1b[0m");
  assert.equal(text[14], "  \x1b[36m━\x1b[0m a  \x1b[33m━\x1b[0m b");
});

Deno.test("bars, also of negative values", () => {
  assert.equal(
    draw(barChart({ orders: 23.1, payments: 892.1, zero: 0 }, { title: "P99", unit: "ms" }), narrow),
    `P99
orders   │▌ 23.1ms
payments │███████████████████████ 892ms
zero     │ 0ms`,
  );
  assert.equal(
    draw(barChart([["up", 5], ["down", -3]]), narrow),
    "up   │            ███████████████████ 5\ndown │████████████ -3",
  );
  const many = draw(barChart(Array.from({ length: 103 }, (_, number) => [`bar ${number}`, number])), narrow);
  assert.equal(many.split("\n").at(-1), "… 3 more");
});

Deno.test("a spark line", () => {
  assert.equal(draw(sparkChart([3, 5, 4, 9, null, 4], { title: "errors" }), narrow), "errors ▁▃▂█ ▂ 3–9, last 4");
  assert.equal(draw(sparkChart([2, 2]), narrow), "▄▄ 2–2, last 2");
});

Deno.test("a heatmap in shades and in colours", () => {
  const times = [0, 1, 2].map((minute) => new Date(noon + minute * 60_000));
  assert.equal(
    draw(heatmapChart({ x: times, y: ["100ms", "10ms"], values: [[0, 4, null], [90, 80, 95]] }), narrow),
    `100ms │░░░░░░░░░░░░░░░░${" ".repeat(8)}
 10ms │████████████████████████
      └┬───────────┬──────────┬
       12:00     12:01    12:02
       ░ 0  █ 95`,
  );
  const [row] = draw(heatmapChart({ x: ["a", "b"], y: ["r"], values: [[0, 1]] }), colour).split("\n");
  assert.equal(row, "r │\x1b[38;5;17m████████\x1b[0m\x1b[38;5;227m████████\x1b[0m");
});

Deno.test("a table is as wide as the screen at most, with units", () => {
  const rows = [
    { service: "日本", n: 12345, p99: 23_123_456, note: "x".repeat(60), at: new Date(0) },
    { service: "b", n: 7n, p99: null, note: "ok", at: null },
  ];
  const columns = ["service", "n", "p99", "note"];
  assert.equal(
    draw(tableChart(rows, { title: "Services", columns, units: { p99: "ns" } }), narrow),
    `Services
service      n     p99  note
───────  ─────  ──────  ────────────────
日本     12345  23.1ms  xxxxxxxxxxxxxxx…
b            7       -  ok`,
  );
  assert.match(draw(tableChart(rows, { limit: 1 }), plain), /1970-01-01T00:00:00.000Z\n… 1 more row$/);
});

Deno.test("long results are drawn in the room that there is", () => {
  const many = Array.from({ length: 100_000 }, (_, number) => Math.sin(number / 500));
  const wide = Object.fromEntries(Array.from({ length: 40 }, (_, number) => [`column ${number}`, "text"]));
  const charts: Chart[] = [
    lineChart(many),
    lineChart(Object.fromEntries(Array.from({ length: 30 }, (_, number) => [`a long name ${number}`, [number]]))),
    sparkChart(many, { title: "long ".repeat(30), unit: "requests" }),
    heatmapChart({ x: many, y: ["a".repeat(99)], values: [many] }, { title: "long ".repeat(30) }),
    barChart({ ["日本".repeat(60)]: 1e300, b: 2 }, { unit: "bytes" }),
    tableChart([wide], { columns: Object.keys(wide).slice(0, 12) }),
  ];
  for (const chart of charts) {
    for (const row of draw(chart, plain).split("\n")) assert.ok(widthOf(row) <= 80, `${chart.kind}: ${row}`);
  }
});

Deno.test("no data is said", () => {
  const empty: Chart[] = [
    lineChart([]),
    lineChart({}),
    lineChart({ a: [null, null] }),
    barChart({}),
    sparkChart([null]),
    heatmapChart({ x: [], y: [], values: [] }),
    tableChart([]),
  ];
  for (const chart of empty) {
    assert.equal(draw(chart, plain), "no data");
    assert.equal(draw({ ...chart, title: "Latency" }, plain), "Latency: no data");
  }
});

Deno.test("no label steers the terminal, in any chart", () => {
  const evil = "a\x1b]52;c;eA==\x07\x1b[2J\r\n\u202eb";
  const charts: Chart[] = [
    lineChart({ [evil]: [1, 2], b: [2, 3] }, { title: evil, unit: evil }),
    barChart({ [evil]: 1 }, { title: evil, unit: evil }),
    sparkChart([1, 2], { title: evil, unit: evil }),
    heatmapChart({ x: [evil], y: [evil], values: [[1]] }, { title: evil, unit: evil }),
    tableChart([{ [evil]: evil, n: 1 }], { title: evil, units: { n: evil } }),
  ];
  for (const chart of charts) {
    const text = draw(chart, plain);
    // deno-lint-ignore no-control-regex -- that is what is looked for
    assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/, chart.kind);
  }
});

Deno.test("rows become lines by their columns", () => {
  const rows = [
    { time: new Date(noon + 60_000), name: "b", p50: 2n, p99: 20 },
    { time: new Date(noon), name: "a", p50: 1n, p99: 10 },
    { time: new Date(noon), name: "b", p50: null, p99: 30 },
  ];
  assert.deepEqual(lineChart(rows, { y: "p99", by: "name" }).series, [
    { name: "b", points: [[noon, 30], [noon + 60_000, 20]] },
    { name: "a", points: [[noon, 10]] },
  ]);
  assert.deepEqual(
    lineChart(rows.slice(0, 2), { y: ["p50", "p99"] }).series.map(({ name, points }) => [name, points[0]]),
    [
      ["p50", [noon, 1]],
      ["p99", [noon, 10]],
    ],
  );
  assert.equal(lineChart(rows, { y: "p99" }).time, true);
  assert.deepEqual(barChart(rows, { label: "name", value: "p99" }).bars, [["b", 20], ["a", 10], ["b", 30]]);
  assert.deepEqual(lineChart([{ time: new Date(5), value: 1 }]).series, [{ name: "value", points: [[5, 1]] }]);
});

Deno.test("series and histograms are drawn as they come", () => {
  const point = { start: new Date(noon), end: new Date(noon + 60_000), p99: 5e6 };
  assert.deepEqual(lineChart([point], { y: "p99" }).series, [{ name: "p99", points: [[noon, 5e6]] }]);
  const buckets = [{ lower: 0, upper: 1e6, count: 3 }, { lower: 1e6, upper: 2.5e6, count: 1 }];
  assert.deepEqual(barChart(buckets).bars, [["0ns–1ms", 3], ["1ms–2.5ms", 1]]);
});

Deno.test("data of another form are refused with what was expected", () => {
  // What a script without types may hand over.
  const wrong: [() => unknown, RegExp][] = [
    [() => line(undefined as never), /data is undefined, expected points/],
    [() => line([{ a: 1 }]), /a row is a, expected the columns time and value/],
    [() => line(["x"] as never), /a value is x, expected a number/],
    [() => barChart({ a: "x" } as never), /a is x, expected a number/],
    [() => barChart(3 as never), /data is 3, expected an object of values by name/],
    [() => sparkChart(3 as never), /data is 3, expected points/],
    [() => heatmapChart({ x: [1], y: ["a", "b"], values: [[1]] }), /values is 1 rows, expected 2 rows of 1 values/],
    [() => tableChart([1] as never), /rows is no list of objects/],
  ];
  for (const [call, message] of wrong) {
    assert.throws(
      call,
      (error) => error instanceof CoralError && error.reason === "INVALID_ARGUMENT" && message.test(error.message),
    );
  }
});

Deno.test("a misspelt option of a chart or a table is refused, and nothing is drawn", () => {
  const cells = { x: [1], y: ["a"], values: [[1]] };
  const wrong: [() => void, string, string][] = [
    [() => line([1], { titel: "a" } as object), 'plot.line has no option "titel"', "did you mean title?"],
    [() => bar({ a: 1 }, { units: "ms" } as object), 'plot.bar has no option "units"', "did you mean unit?"],
    [() => spark([1], { y: "a" } as object), 'plot.spark has no option "y"', "it reads title, unit"],
    [() => heatmap(cells, { Unit: "ms" } as object), 'plot.heatmap has no option "Unit"', "did you mean unit?"],
    [() => table([{ a: 1 }], { unit: {} } as object), 'table has no option "unit"', "did you mean units?"],
    [
      () => table([{ a: 1 }], ["a"] as object),
      'the options of table are ["a"], expected an object',
      "table reads title, columns, units, limit",
    ],
  ];
  const drawn: unknown[] = [];
  const before = console.log;
  console.log = (...values: unknown[]) => drawn.push(values);
  try {
    for (const [draws, message, hint] of wrong) {
      assert.throws(draws, { name: "CoralError", reason: "INVALID_ARGUMENT", message, hint });
    }
  } finally {
    console.log = before;
  }
  assert.deepEqual(drawn, []);
});
