// The distribution of latency over time: a row for each bucket, a column for each five seconds.

import { Plot } from "./canvas.js";
import { Figure } from "./charts.js";
import * as format from "./format.js";
import { quantile } from "./stats.js";

const COLUMN_SECONDS = 5;
/** Fewer rows would make blocks of them. */
const FEWEST_ROWS = 6;
const SHADES = 5;

export class HeatMap {
  constructor(figure, { title, note, kind, histogram, filter, limits, hint }, page) {
    this.figure = new Figure(figure, { title, note, legend: [
      { label: "p50", style: "none" }, { label: "p95", style: "none" },
      { label: "p99", style: "none" },
    ] }, page);
    Object.assign(this, { kind, histogram, filter, limits, hint });
  }

  draw(history) {
    if (!this.figure.isVisible) return;
    const columns = history.columns(this.kind, this.filter(), this.histogram, COLUMN_SECONDS);
    const { bounds } = history.layouts[this.kind].histograms[this.histogram];
    const { range } = history;
    const plot = new Plot(this.figure.canvas, this.figure.theme, range);
    const rows = new Rows(plot, bounds, usedRows(columns, bounds.length + 1));
    plot.timeAxis();
    this.#drawCells(plot, rows, columns);
    rows.drawAxis();
    const drawn = this.#drawLimits(plot, rows);
    this.#showQuantiles(plot, bounds, columns, range, drawn);
  }

  #drawCells(plot, rows, columns) {
    const { context } = plot;
    const shades = shadesOf(plot.theme);
    const highest = Math.max(1e-9, ...columns.flatMap(perSecond));
    context.save();
    plot.clip();
    for (const column of columns) {
      const x = Math.max(plot.left, plot.x(column.at));
      const width = plot.x(column.at + COLUMN_SECONDS) - x;
      perSecond(column).forEach((rate, row) => {
        if (rate <= 0 || !rows.shows(row)) return;
        // The root makes single slow requests visible beside thousands of fast ones.
        const shade = Math.ceil(Math.sqrt(rate / highest) * (shades.length - 1));
        context.fillStyle = shades[shade];
        context.fillRect(x + 0.5, rows.top(row) + 0.5, width - 1, rows.height - 1);
      });
    }
    context.restore();
  }

  /** Draws the time of each objective on latency, and returns a text about them. */
  #drawLimits(plot, rows) {
    const limits = [...new Set(this.limits())].filter((limit) => rows.y(limit) !== null);
    for (const limit of limits) {
      const y = rows.y(limit);
      plot.horizontal(y, plot.theme.get("limit"), [6, 4]);
      const text = `objective ${format.seconds(limit)}`;
      const { context } = plot;
      const width = context.measureText(text).width;
      context.fillStyle = plot.theme.get("panel");
      context.fillRect(plot.left + 4, y - 14, width + 8, 13);
      plot.label(text, plot.left + 8, y - 7, "left");
    }
    return limits;
  }

  #showQuantiles(plot, bounds, columns, range, limits) {
    const { pointer } = this.figure;
    const picked = pointer.part === null ? null : pointer.pick(columns, range);
    if (picked) plot.marker(picked.at + COLUMN_SECONDS / 2);
    this.figure.setNote(pointer.ago(picked, range));
    const shown = quantiles(picked ? [picked] : columns, bounds);
    this.figure.setLegend(shown.map(format.quantile));
    const [p50, p95, p99] = quantiles(columns, bounds).map(format.quantile);
    const lines = limits.map((limit) => ` Objective at ${format.seconds(limit)}.`).join("");
    const text = `In five minutes: p50 ${p50}, p95 ${p95}, p99 ${p99}.${lines}`;
    this.figure.describe(range.end, text);
  }
}

/** The rows that are drawn. Bounds rise by about the same factor, so all rows have one height. */
class Rows {
  constructor(plot, bounds, { first, last }) {
    Object.assign(this, { plot, bounds, first, last });
    this.height = (plot.bottom - plot.top) / (last - first + 1);
  }

  shows(row) {
    return row >= this.first && row <= this.last;
  }

  top(row) {
    return this.plot.bottom - (row - this.first + 1) * this.height;
  }

  /** Where a time is within its row, on a logarithmic scale; null if its row is not drawn. */
  y(seconds) {
    const row = this.bounds.findIndex((bound) => bound >= seconds);
    if (row < 0 || !this.shows(row)) return null;
    const upper = this.bounds[row];
    const lower = row ? this.bounds[row - 1] : upper / 2;
    const part = Math.log(upper / seconds) / Math.log(upper / lower);
    return this.top(row) + part * this.height;
  }

  drawAxis() {
    const { plot, bounds } = this;
    // A label needs 13 pixels.
    const every = Math.ceil(13 / this.height);
    for (let row = this.first; row <= this.last; row += 1) {
      if (row < bounds.length && (row - this.first) % every === 0) {
        plot.label(format.seconds(bounds[row]), plot.left - 6, this.top(row));
      }
    }
    plot.horizontal(plot.bottom);
  }
}

function usedRows(columns, length) {
  const used = Array.from({ length }, (_, row) => row)
    .filter((row) => columns.some(({ counts }) => counts[row] > 0));
  let first = used.length ? Math.max(0, used[0]) : Math.floor(length / 3);
  let last = used.length ? Math.min(length - 1, used.at(-1) + 1) : first;
  while (last - first + 1 < Math.min(FEWEST_ROWS, length)) {
    if (first > 0) first -= 1;
    else last += 1;
  }
  return { first, last };
}

function perSecond({ counts, covered }) {
  return counts.map((count) => (covered > 0 ? count / covered : 0));
}

function quantiles(columns, bounds) {
  const counts = new Float64Array(bounds.length + 1);
  for (const column of columns) column.counts.forEach((count, row) => (counts[row] += count));
  for (let row = 1; row < counts.length; row += 1) counts[row] += counts[row - 1];
  const histogram = { bounds, start: 0, length: counts.length };
  return [0.5, 0.95, 0.99].map((q) => quantile(counts, histogram, q));
}

function shadesOf(theme) {
  return Array.from({ length: SHADES + 1 }, (_, shade) => theme.get(`heat-${shade}`));
}
