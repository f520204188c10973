// Parts of all charts: size, theme, axes, and the value under the pointer.

import { duration } from "./format.js";

const LEFT = 46;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 18;

/** Colours and the font from the style sheet, which has them for light and dark. */
export class Theme {
  #values = new Map();

  constructor(onChange) {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#values.clear();
      onChange();
    });
  }

  get(name) {
    if (!this.#values.has(name)) {
      const style = getComputedStyle(document.documentElement);
      this.#values.set(name, style.getPropertyValue(`--${name}`).trim());
    }
    return this.#values.get(name);
  }

  get font() {
    return `11px ${this.get("font")}`;
  }
}

/** Fits the canvas to its size on the screen, clears it, and returns its context. */
export function prepare(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = devicePixelRatio || 1;
  const [pixelWidth, pixelHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== pixelWidth || canvas.height !== pixelHeight) {
    canvas.width = pixelWidth;
    canvas.height = pixelHeight;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** The area of a chart whose right edge is the newest reading. */
export class Plot {
  constructor(canvas, theme, { end, span }) {
    const { context, width, height } = prepare(canvas);
    Object.assign(this, { context, theme, end, span });
    this.left = LEFT;
    this.right = width - RIGHT;
    this.top = TOP;
    this.bottom = height - BOTTOM;
    context.font = theme.font;
    context.lineJoin = "round";
  }

  x(at) {
    const part = (at - this.end) / this.span + 1;
    return this.left + part * (this.right - this.left);
  }

  y(value, highest) {
    return this.bottom - (value / highest) * (this.bottom - this.top);
  }

  clip() {
    this.context.beginPath();
    this.context.rect(this.left, this.top - 1, this.right - this.left, this.bottom - this.top + 2);
    this.context.clip();
  }

  label(text, x, y, align = "right") {
    const { context } = this;
    context.fillStyle = this.theme.get("muted");
    context.textAlign = align;
    context.textBaseline = "middle";
    context.fillText(text, x, y);
  }

  horizontal(y, colour = this.theme.get("line"), dash = []) {
    const { context } = this;
    context.strokeStyle = colour;
    context.lineWidth = 1;
    context.setLineDash(dash);
    context.beginPath();
    context.moveTo(this.left, Math.round(y) + 0.5);
    context.lineTo(this.right, Math.round(y) + 0.5);
    context.stroke();
    context.setLineDash([]);
  }

  timeAxis() {
    const y = this.bottom + 11;
    const isNarrow = this.right - this.left < 320;
    const step = this.span > 60 ? (isNarrow && this.span > 180 ? 120 : 60) : 15;
    this.label("now", this.right, y);
    // Steps begin at the left edge, so that a label that is left out is one beside the others.
    for (let ago = this.span; ago > 0; ago -= step) {
      const text = ago % 60 ? `−${ago} s` : `−${ago / 60} min`;
      this.label(text, this.x(this.end - ago), y, ago === this.span ? "left" : "center");
    }
  }

  /** Draws lines at round values, `leastStep` apart or more, and returns the value at the top. */
  valueAxis(highest, format, leastStep = 0) {
    const step = Math.max(leastStep, roundStep(highest / 4));
    const top = Math.max(step, Math.ceil(highest / step - 1e-9) * step);
    for (let value = 0; value <= top + step / 2; value += step) {
      const y = this.y(value, top);
      this.horizontal(y);
      this.label(format(value), this.left - 6, y);
    }
    return top;
  }

  marker(at) {
    const { context } = this;
    const x = Math.round(this.x(at)) + 0.5;
    context.strokeStyle = this.theme.get("muted");
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x, this.top);
    context.lineTo(x, this.bottom);
    context.stroke();
  }
}

/** The next larger of 1, 2 and 5 times a power of ten. */
function roundStep(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((factor) => factor * power >= value - 1e-12) * power;
}

/** The time under the pointer, as a share of the canvas's plot; null without a pointer. */
export class Pointer {
  constructor(canvas, onMove) {
    this.part = null;
    canvas.addEventListener("pointermove", ({ offsetX }) => {
      const part = (offsetX - LEFT) / (canvas.clientWidth - LEFT - RIGHT);
      this.part = part >= 0 && part <= 1 ? part : null;
      onMove();
    });
    canvas.addEventListener("pointerleave", () => {
      this.part = null;
      onMove();
    });
  }

  /** The entry whose time is nearest to the pointer, or the last one. */
  pick(entries, { end, span }) {
    if (this.part === null || entries.length === 0) return entries.at(-1);
    const at = end + (this.part - 1) * span;
    return entries.reduce((best, entry) =>
      Math.abs(entry.at - at) < Math.abs(best.at - at) ? entry : best);
  }

  /** How long ago the picked entry was, for a caption; empty without a pointer. */
  ago(entry, { end }) {
    return this.part === null || !entry ? "" : `${duration(end - entry.at)} ago`;
  }
}
