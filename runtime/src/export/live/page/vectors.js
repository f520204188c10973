// The rows of a reading as vectors of numbers.
//
// The history keeps 300 readings with up to 200 rows of a kind. A `Float64Array` for each row needs
// a fraction of the memory of the parsed JSON, and sums and differences are plain loops.
//
// A vector has first the counters, then the gauges, then the buckets of its histograms.

export const REQUEST_OUTCOMES = ["success", "client_error", "server_error", "cancelled", "panic"];
export const STREAM_OUTCOMES = [
  "complete", "client_disconnect", "stream_error", "error_event", "truncated", "panic",
];
export const CALL_OUTCOMES = ["success", "error", "cancelled", "truncated"];
export const CALL_ERRORS = [
  "rate_limited", "overloaded", "timeout", "connect", "auth", "not_found", "invalid_request",
  "server_error", "protocol", "content_filter", "truncated", "panic", "other",
];
/** Gauges whose sum over rows is the largest: the age of a request, and if it may be even older. */
export const MAXIMA = ["oldest", "isAtLeast"];
/** Separates labels in a key. Label values cannot be confused by it: keys are never shown. */
const SEPARATOR = "\u0000";
/** The key of the row that sums the series which are not shown. */
const REST = SEPARATOR + SEPARATOR;

class Layout {
  constructor(counters, gauges, histograms) {
    this.slots = new Map([...counters, ...gauges].map((name, slot) => [name, slot]));
    this.counters = counters.length;
    this.histograms = {};
    this.width = this.slots.size;
    for (const [name, bounds] of Object.entries(histograms)) {
      this.histograms[name] = { bounds, start: this.width, length: bounds.length + 1 };
      this.width += bounds.length + 1;
    }
  }

  slot(name) {
    return this.slots.get(name);
  }

  vector() {
    return new Float64Array(this.width);
  }

  /** Sets those of the values that the layout has a slot for. */
  fill(vector, values) {
    for (const [name, value] of Object.entries(values)) {
      const slot = this.slots.get(name);
      if (slot !== undefined && value !== null) vector[slot] = value;
    }
  }

  fillBuckets(vector, name, histogram) {
    const { start, length } = this.histograms[name];
    const buckets = histogram?.buckets ?? [];
    for (let i = 0; i < length; i += 1) vector[start + i] = buckets[i] ?? 0;
  }
}

/** Describes the vectors of a program; the bounds of its histograms come with `describe`. */
export function layouts({ request, first }) {
  return {
    requests: new Layout(REQUEST_OUTCOMES, ["active", ...MAXIMA], { duration: request }),
    streams: new Layout([...STREAM_OUTCOMES, "chunks", "bytes"], ["active"], {
      chunk: first,
      token: first,
    }),
    calls: new Layout(
      [...CALL_OUTCOMES, ...CALL_ERRORS.map((type) => `error ${type}`),
        "input", "cached", "output"],
      // No counter: it falls when a model with a cost that its provider states gets a price.
      ["cost"],
      { token: first },
    ),
    exceptions: new Layout(["count"], [], {}),
  };
}

const ENCODERS = {
  requests(layout, vector, row) {
    layout.fill(vector, row.outcomes);
    layout.fill(vector, {
      active: row.active,
      oldest: row.oldest_ms,
      isAtLeast: Number(row.oldest_is_at_least ?? false),
    });
    layout.fillBuckets(vector, "duration", row);
  },
  streams(layout, vector, row) {
    layout.fill(vector, row.outcomes);
    layout.fill(vector, { active: row.active, chunks: row.chunks, bytes: row.bytes });
    layout.fillBuckets(vector, "chunk", row.first);
    layout.fillBuckets(vector, "token", row.first_token ?? row.first);
  },
  calls(layout, vector, row) {
    layout.fill(vector, row.outcomes);
    layout.fill(vector, { ...row.tokens, cost: row.cost });
    for (const [type, number] of Object.entries(row.errors ?? {})) {
      const known = CALL_ERRORS.includes(type) ? type : "other";
      vector[layout.slot(`error ${known}`)] += number;
    }
    layout.fillBuckets(vector, "token", row.first);
  },
  exceptions(layout, vector, row) {
    vector[layout.slot("count")] = row.count;
  },
};

export function encode(kind, layout, row) {
  const vector = layout.vector();
  ENCODERS[kind](layout, vector, row);
  return vector;
}

const LABELS = {
  requests: ["endpoint"],
  streams: ["endpoint"],
  calls: ["provider", "model"],
  exceptions: ["endpoint", "type"],
};

export function keyOf(kind, row) {
  return row.is_rest ? REST : LABELS[kind].map((label) => row[label] ?? "").join(SEPARATOR);
}

export function labelsOf(kind, row) {
  return Object.fromEntries(LABELS[kind].map((label) => [label, String(row[label] ?? "")]));
}

/** True for the row that sums the series which are not shown. */
export function isRest(key) {
  return key === REST;
}
