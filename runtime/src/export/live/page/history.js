// The last five minutes of readings, and the rates and distributions that follow from them.
//
// All times are the server's uptime. The browser's clock is not used, so that neither its jumps nor
// readings that arrive late or in bursts change a rate.

import { MAXIMA, encode, isRest, keyOf, labelsOf, layouts } from "./vectors.js";

export const HISTORY_SECONDS = 300;
export const KINDS = ["requests", "streams", "calls", "exceptions"];
/** Seconds over which the rates in charts are averaged. */
export const SMOOTHING = 5;
/** A limit for servers that send more than a reading a second. */
const MOST_FRAMES = 620;

/** Results of `push`. */
export const PUSHED = { added: "added", ignored: "ignored", restarted: "restarted" };

export class History {
  constructor(description) {
    this.layouts = layouts(description.bounds);
    this.clear();
  }

  clear() {
    this.frames = [];
    // The labels of each key, by kind.
    this.labels = new Map(KINDS.map((kind) => [kind, new Map()]));
  }

  get latest() {
    return this.frames.at(-1);
  }

  /** The time axis of charts: its end, and its length in whole minutes, which grows up to five. */
  get range() {
    const end = this.latest.at;
    const recorded = end - this.#recorded()[0].at;
    return { end, span: Math.min(HISTORY_SECONDS, Math.max(1, Math.ceil(recorded / 60)) * 60) };
  }

  push(reading) {
    if (!Number.isFinite(reading.uptime_ms)) return PUSHED.ignored;
    const frame = this.#frameOf(reading);
    let result = PUSHED.added;
    if (this.latest) {
      if (frame.at === this.latest.at) return PUSHED.ignored;
      if (frame.at < this.latest.at || this.#anyCounterFell(this.latest, frame)) {
        this.clear();
        result = PUSHED.restarted;
      }
    }
    if (!this.latest) this.#addStart(frame);
    this.frames.push(frame);
    this.#rememberLabels(reading);
    this.#dropOld();
    return result;
  }

  /** Seconds between the start of a window and the newest reading. */
  covered(seconds) {
    return this.latest ? this.latest.at - this.frames[this.#windowStart(seconds)].at : 0;
  }

  /** The current rows of a kind: key, labels, newest vector and increase within the window. */
  rows(kind, seconds) {
    const labels = this.labels.get(kind);
    const from = this.#windowStart(seconds);
    return [...this.latest[kind]].map(([key, vector]) => ({
      key,
      labels: labels.get(key),
      isRest: isRest(key),
      now: vector,
      increase: difference(vector, this.#baseline(kind, key, from)),
    }));
  }

  /** The increase of all rows that `filter` selects. */
  increase(kind, filter, seconds) {
    const start = this.frames[this.#windowStart(seconds)];
    return difference(this.#sum(this.latest, kind, filter), this.#sum(start, kind, filter));
  }

  /** The sum of the newest values, or the largest of them for `MAXIMA`. */
  now(kind, filter) {
    return this.#sum(this.latest, kind, filter);
  }

  /** Rates of these slots over time: `{at, values}`, averaged over the last seconds of each. */
  rates(kind, filter, slots, key = null) {
    const at = (frame) =>
      key === null ? this.#sum(frame, kind, filter) : frame[kind].get(key);
    return this.#pairs().flatMap(([from, to]) => {
      const [before, after] = [at(from), at(to)];
      if (!after || !before) return [];
      const elapsed = to.at - from.at;
      const values = slots.map((slot) => Math.max(0, after[slot] - before[slot]) / elapsed);
      return [{ at: to.at, values }];
    });
  }

  /** The values of gauges over time. */
  gauges(kind, filter, slots) {
    return this.#recorded().map((frame) => {
      const sum = this.#sum(frame, kind, filter);
      return { at: frame.at, values: slots.map((slot) => sum[slot]) };
    });
  }

  /** A value of one row over time, computed from the increase within each of `steps` steps. */
  trend(kind, key, steps, valueOf) {
    const step = HISTORY_SECONDS / steps;
    const points = [];
    let from = null;
    for (const frame of this.#recorded()) {
      const vector = frame[kind].get(key);
      if (!vector) continue;
      // Steps begin at multiples of their length, so that old points do not change.
      const index = Math.floor(frame.at / step);
      if (from && index !== from.index) {
        const increase = difference(vector, from.vector);
        points.push({ at: frame.at, value: valueOf(increase, frame.at - from.at) });
      }
      if (!from || index !== from.index) from = { index, vector, at: frame.at };
    }
    return points;
  }

  /** Increases of a histogram's buckets within columns of `width` seconds. */
  columns(kind, filter, name, width) {
    const { start, length } = this.layouts[kind].histograms[name];
    const columns = new Map();
    let before = null;
    for (const frame of this.#recorded()) {
      const sum = this.#sum(frame, kind, filter);
      if (before) {
        const index = Math.floor(frame.at / width);
        const column = columns.get(index) ?? { at: index * width, covered: 0, counts: [] };
        column.covered += frame.at - before.at;
        for (let i = 0; i < length; i += 1) {
          const added = sum[start + i] - before.sum[start + i];
          const below = i && sum[start + i - 1] - before.sum[start + i - 1];
          column.counts[i] = (column.counts[i] ?? 0) + Math.max(0, added - below);
        }
        columns.set(index, column);
      }
      before = { at: frame.at, sum };
    }
    return [...columns.values()];
  }

  #frameOf(reading) {
    const frame = emptyFrame(reading.uptime_ms / 1000);
    for (const kind of KINDS) {
      const rows = reading[kind] ?? [];
      frame[kind] = new Map(
        rows.map((row) => [keyOf(kind, row), encode(kind, this.layouts[kind], row)]),
      );
      if (rows.some((row) => row.is_rest)) frame.summed.add(kind);
    }
    return frame;
  }

  /**
   * Adds the start of the process, at which all counters were zero, if it was within the last five
   * minutes. Totals then cover what happened before the page was opened. Charts leave it out.
   */
  #addStart(frame) {
    if (frame.at <= 0 || frame.at > HISTORY_SECONDS) return;
    this.frames.push({ ...emptyFrame(0), isStart: true });
  }

  #rememberLabels(reading) {
    for (const kind of KINDS) {
      const labels = this.labels.get(kind);
      for (const row of reading[kind] ?? []) {
        const key = keyOf(kind, row);
        if (!labels.has(key)) labels.set(key, labelsOf(kind, row));
      }
      // Series that have left the page for the summed row would pile up here.
      if (labels.size > 2 * this.latest[kind].size + 100) {
        for (const key of labels.keys()) if (!this.latest[kind].has(key)) labels.delete(key);
      }
    }
  }

  #dropOld() {
    // The first rate in a chart is the average of the seconds before its left edge.
    const oldest = this.latest.at - HISTORY_SECONDS - SMOOTHING;
    while (this.frames.length > 2 && (this.frames[1].at <= oldest || this.#isFull())) {
      this.frames.shift();
    }
  }

  #isFull() {
    return this.frames.length > MOST_FRAMES;
  }

  /**
   * Whether a counter has a smaller value than before, which only a restart of the process causes.
   * The summed row is left out: its values fall whenever a series gets a row of its own.
   */
  #anyCounterFell(before, after) {
    return KINDS.some((kind) => {
      const { counters } = this.layouts[kind];
      return [...after[kind]].some(([key, vector]) => {
        const old = before[kind].get(key);
        if (!old || isRest(key)) return false;
        return old.subarray(0, counters).some((value, slot) => vector[slot] < value - 1e-9);
      });
    });
  }

  #recorded() {
    return this.frames[0]?.isStart ? this.frames.slice(1) : this.frames;
  }

  /** Index of the oldest reading within the window, or of the one before the newest. */
  #windowStart(seconds) {
    // A tenth of a second is for readings that are not exactly a second apart.
    const oldest = this.latest.at - seconds - 0.1;
    const index = this.frames.findIndex((frame) => frame.at >= oldest);
    return Math.max(0, Math.min(index, this.frames.length - 2));
  }

  /** Pairs of readings, each with the one some seconds before it. */
  #pairs() {
    const frames = this.#recorded();
    let from = 0;
    return frames.slice(1).map((to, i) => {
      while (from < i && frames[from + 1].at <= to.at - SMOOTHING + 0.1) from += 1;
      return [frames[from], to];
    });
  }

  /**
   * The values of a row at the start of a window. A row that appeared later began at zero, unless
   * it may have been part of the summed row before.
   */
  #baseline(kind, key, from) {
    for (let i = from; i < this.frames.length; i += 1) {
      const vector = this.frames[i][kind].get(key);
      if (!vector) continue;
      const isNew = i > from && !this.frames[i - 1].summed.has(kind);
      return isNew ? this.layouts[kind].vector() : vector;
    }
    return this.layouts[kind].vector();
  }

  /** Sums rows. Each frame keeps its last sums, as only the filter can change them. */
  #sum(frame, kind, filter) {
    const kept = frame.sums[kind];
    if (kept?.filter === filter.text) return kept.sum;
    const layout = this.layouts[kind];
    const labels = this.labels.get(kind);
    const sum = layout.vector();
    const maxima = MAXIMA.map((name) => layout.slot(name));
    for (const [key, vector] of frame[kind]) {
      if (!filter.selects(labels.get(key) ?? {})) continue;
      for (let i = 0; i < sum.length; i += 1) {
        sum[i] = maxima.includes(i) ? Math.max(sum[i], vector[i]) : sum[i] + vector[i];
      }
    }
    frame.sums[kind] = { filter: filter.text, sum };
    return sum;
  }
}

/** Rows by key; the kinds that have a summed row; and the sums that `#sum` keeps. */
function emptyFrame(at) {
  const rows = Object.fromEntries(KINDS.map((kind) => [kind, new Map()]));
  return { at, summed: new Set(), sums: {}, ...rows };
}

/** Differences below zero come from series that have moved to the summed row. */
function difference(after, before) {
  return after.map((value, i) => Math.max(0, value - before[i]));
}
