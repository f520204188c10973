// Charts of rates and gauges over time: stacked areas, lines, and the small ones of tables.

import { Plot, Pointer, prepare } from "./canvas.js";
import { element, setAttribute, setText } from "./dom.js";

/** Lines differ in their dashes, not only in colour. */
const DASHES = [[], [5, 3], [2, 3]];
/** Descriptions for screen readers change seldom, so that one can be read to its end. */
const DESCRIBE_EVERY = 10;

/** A figure with a heading, a legend and a canvas. */
export class Figure {
  constructor(figure, { title, note = "", legend = [] }, { theme, visibility, onChange }) {
    this.theme = theme;
    this.visibility = visibility;
    this.title = title;
    this.canvas = element("canvas", { role: "img", "aria-label": title });
    this.note = element("span", { class: "note" }, note);
    this.defaultNote = note;
    this.legend = element("ul", { class: "legend" });
    this.values = legend.map((entry) => this.#addLegend(entry));
    figure.append(
      element("figcaption", {}, element("h3", {}, title), this.note, this.legend),
      this.canvas,
    );
    this.pointer = new Pointer(this.canvas, onChange);
    this.describedAt = -Infinity;
    visibility.watch(this.canvas);
    new ResizeObserver(onChange).observe(this.canvas);
  }

  get isVisible() {
    return this.visibility.has(this.canvas);
  }

  setLegend(texts) {
    this.values.forEach((value, i) => setText(value, texts[i]));
  }

  setNote(text) {
    setText(this.note, text || this.defaultNote);
  }

  describe(end, text) {
    if (Math.abs(end - this.describedAt) < DESCRIBE_EVERY) return;
    this.describedAt = end;
    setAttribute(this.canvas, "aria-label", `${this.title}. ${text}`);
  }

  #addLegend({ label, style }) {
    const value = element("b");
    this.legend.append(
      element("li", {}, element("i", { class: `swatch ${style}` }), `${label} `, value),
    );
    return value;
  }
}

/** The series of a chart: `[{label, style, colour, hatch?}]`; colours are names in the theme. */
class TimeChart {
  constructor(figure, { title, note, series, format, from, leastStep }, page) {
    const legend = series.map(({ label, style, colour }) => ({ label, style: style ?? colour }));
    this.figure = new Figure(figure, { title, note, legend }, page);
    this.series = series;
    this.format = format;
    this.pointsOf = from;
    this.leastStep = leastStep;
  }

  draw(history) {
    if (!this.figure.isVisible) return;
    const points = this.pointsOf(history);
    const { range } = history;
    const plot = new Plot(this.figure.canvas, this.figure.theme, range);
    const top = plot.valueAxis(this.highest(points), this.format, this.leastStep);
    plot.timeAxis();
    plot.context.save();
    plot.clip();
    this.drawSeries(plot, points, top);
    plot.context.restore();
    this.#showValues(plot, points, range);
  }

  #showValues(plot, points, range) {
    const { pointer } = this.figure;
    const picked = pointer.pick(points, range);
    if (pointer.part !== null && picked) plot.marker(picked.at);
    this.figure.setNote(pointer.ago(picked, range));
    const texts = this.series.map((_, i) => this.format(picked?.values[i] ?? NaN));
    this.figure.setLegend(texts);
    const newest = this.series.map(({ label }, i) =>
      `${label} ${this.format(points.at(-1)?.values[i] ?? NaN)}`);
    const highest = this.format(this.highest(points));
    const text = `Now: ${newest.join(", ")}. Highest in five minutes: ${highest}.`;
    this.figure.describe(range.end, text);
  }
}

export class StackedChart extends TimeChart {
  highest(points) {
    return points.reduce((highest, { values }) => Math.max(highest, total(values)), 0);
  }

  drawSeries(plot, points, top) {
    let lower = points.map(() => 0);
    this.series.forEach((series, i) => {
      const upper = points.map(({ values }, j) => lower[j] + values[i]);
      if (upper.some((value, j) => value > lower[j])) {
        this.#drawArea(plot, series, points, lower, upper, top);
      }
      lower = upper;
    });
  }

  #drawArea(plot, { colour, hatch }, points, lower, upper, top) {
    const { context, theme } = plot;
    const path = new Path2D();
    points.forEach(({ at }, j) => path.lineTo(plot.x(at), plot.y(upper[j], top)));
    for (let j = points.length - 1; j >= 0; j -= 1) {
      path.lineTo(plot.x(points[j].at), plot.y(lower[j], top));
    }
    context.fillStyle = theme.get(colour);
    context.globalAlpha = hatch ? 1 : 0.8;
    context.fill(path);
    context.globalAlpha = 1;
    if (hatch) {
      context.fillStyle = hatching(context, hatch, theme.get("panel"));
      context.fill(path);
    }
  }
}

export class LineChart extends TimeChart {
  highest(points) {
    return points.reduce((highest, { values }) => Math.max(highest, ...values), 0);
  }

  drawSeries(plot, points, top) {
    const { context, theme } = plot;
    this.series.forEach(({ colour }, i) => {
      const path = new Path2D();
      points.forEach(({ at, values }) => path.lineTo(plot.x(at), plot.y(values[i], top)));
      context.strokeStyle = theme.get(colour);
      context.lineWidth = 1.75;
      context.setLineDash(DASHES[i]);
      context.stroke(path);
      context.setLineDash([]);
      if (i === 0 && points.length > 1) fillBelow(plot, path, points, theme.get(colour));
    });
  }
}

function fillBelow(plot, path, points, colour) {
  const area = new Path2D(path);
  area.lineTo(plot.x(points.at(-1).at), plot.bottom);
  area.lineTo(plot.x(points[0].at), plot.bottom);
  plot.context.globalAlpha = 0.12;
  plot.context.fillStyle = colour;
  plot.context.fill(area);
  plot.context.globalAlpha = 1;
}

/** A pattern of lines, which tells areas apart without their colours. */
function hatching(context, kind, colour) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const lines = tile.getContext("2d");
  lines.strokeStyle = colour;
  lines.globalAlpha = 0.55;
  lines.lineWidth = 1.2;
  lines.beginPath();
  if (kind !== "back") for (const shift of [-6, 0, 6]) segment(lines, shift, 6, shift + 6, 0);
  if (kind !== "forward") for (const shift of [-6, 0, 6]) segment(lines, shift, 0, shift + 6, 6);
  lines.stroke();
  return context.createPattern(tile, "repeat");
}

function segment(context, fromX, fromY, toX, toY) {
  context.moveTo(fromX, fromY);
  context.lineTo(toX, toY);
}

function total(values) {
  return values.reduce((sum, value) => sum + value, 0);
}

/** Draws `[{at, value}]` over the time axis, with a dashed line at the limit if it is in range. */
export function drawSparkline(canvas, theme, points, { end, span }, limit = null) {
  const { context, width, height } = prepare(canvas);
  const known = points.filter(({ value }) => Number.isFinite(value));
  const data = known.reduce((highest, { value }) => Math.max(highest, value), 0);
  // A limit far above the values would flatten them.
  const showsLimit = limit !== null && limit <= data * 2;
  const highest = Math.max(data, showsLimit ? limit : 0) || 1;
  const y = (value) => height - 2 - (value / highest) * (height - 4);
  const path = new Path2D();
  for (const { at, value } of known) {
    path.lineTo(((at - end) / span + 1) * (width - 2), y(value));
  }
  context.lineJoin = "round";
  context.lineWidth = 1.25;
  context.strokeStyle = theme.get("accent");
  context.stroke(path);
  if (showsLimit) {
    context.strokeStyle = theme.get("limit");
    context.setLineDash([3, 2]);
    context.lineWidth = 1;
    context.beginPath();
    segment(context, 0, Math.round(y(limit)) + 0.5, width, Math.round(y(limit)) + 0.5);
    context.stroke();
    context.setLineDash([]);
  }
}
