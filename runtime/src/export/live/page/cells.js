// Cells that several tables have.

import { drawSparkline } from "./charts.js";
import { element, setAttribute } from "./dom.js";
import * as format from "./format.js";

/** Points of a sparkline: one for each five seconds. */
const STEPS = 60;

/**
 * A column with a small chart of the last five minutes and a text for screen readers. `trend` has
 * `kind`, `valueOf(increase, seconds)`, `limitOf(row)` and `format`.
 */
export function sparkline(label, theme, trend) {
  return {
    id: "sparkline",
    label,
    align: "start",
    render: (cell, row) => {
      const points = row.history.trend(trend.kind, row.key, STEPS, trend.valueOf);
      drawTrend(cell, theme, points, row, trend);
    },
  };
}

function drawTrend(cell, theme, points, row, trend) {
  const canvas = cell.firstElementChild
    ?? cell.appendChild(element("canvas", { role: "img", class: "sparkline" }));
  drawSparkline(canvas, theme, points, row.history.range, trend.limitOf?.(row) ?? null);
  const values = points.map(({ value }) => value).filter(Number.isFinite);
  const text = values.length
    ? `From ${trend.format(Math.min(...values))} to ${trend.format(Math.max(...values))}`
    : "No values yet";
  setAttribute(canvas, "aria-label", text);
}

/** The name of the row that sums the series which are not shown. */
export function restName(number, what) {
  return number > 0 ? `… ${format.count(number)} other ${what}` : `… other ${what}`;
}
