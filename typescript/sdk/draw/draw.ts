// Every kind of chart as lines of text.

import type { Chart } from "../charts.ts";
import { drawBars, drawHeatmap, drawSpark } from "./bars.ts";
import { drawLine } from "./line.ts";
import { bold, type Screen } from "./screen.ts";
import { drawTable } from "./table.ts";
import { fit, visible, widthOf } from "./text.ts";

/** The text of a chart; of one without data it says so. */
export function draw(chart: Chart, screen: Screen): string {
  const lines = linesOf(chart, screen);
  const title = chart.title === undefined ? undefined : visible(chart.title);
  if (lines.length === 0) return `${title === undefined ? "" : `${title}: `}no data`;
  if (title === undefined || chart.kind === "spark") return lines.join("\n");
  return [bold(fit(title, Math.min(widthOf(title), screen.columns)), screen), ...lines].join("\n");
}

function linesOf(chart: Chart, screen: Screen): string[] {
  switch (chart.kind) {
    case "line":
      return drawLine(chart, screen);
    case "bar":
      return drawBars(chart, screen);
    case "spark":
      return drawSpark(chart, screen);
    case "heatmap":
      return drawHeatmap(chart, screen);
    case "table":
      return drawTable(chart, screen);
  }
}
