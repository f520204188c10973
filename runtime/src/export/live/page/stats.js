// Statistics of increases: quantiles, shares and objectives.

/** A share of failures from which on it is drawn in red; single failures are part of daily life. */
export const ALARMING = 0.01;

/**
 * Interpolates a quantile like `histogram_quantile` of Prometheus: linearly within a bucket.
 * `isAbove` is set if the value is above the last bound, which then is the value.
 */
export function quantile(increase, { bounds, start, length }, q) {
  const total = increase[start + length - 1];
  if (!(total > 0)) return { value: NaN, isAbove: false };
  const rank = q * total;
  for (let i = 0; i < bounds.length; i += 1) {
    if (increase[start + i] < rank) continue;
    const below = i ? increase[start + i - 1] : 0;
    const lower = i ? bounds[i - 1] : 0;
    const inside = increase[start + i] - below;
    const part = inside > 0 ? (rank - below) / inside : 1;
    return { value: lower + (bounds[i] - lower) * part, isAbove: false };
  }
  return { value: bounds.at(-1) ?? NaN, isAbove: true };
}

/** How many of a histogram's values are at most `limit`. */
export function countWithin(increase, { bounds, start, length }, limit) {
  const above = bounds.findIndex((bound) => bound >= limit);
  if (above < 0) return increase[start + length - 1 - (bounds.length > 0)];
  const high = increase[start + above];
  if (bounds[above] === limit) return high;
  const low = above ? increase[start + above - 1] : 0;
  const lower = above ? bounds[above - 1] : 0;
  return low + ((high - low) * (limit - lower)) / (bounds[above] - lower);
}

export function sum(increase, layout, names) {
  return names.reduce((total, name) => total + increase[layout.slot(name)], 0);
}

/** Shares of an increase; NaN without any. */
export function share(part, whole) {
  return whole > 0 ? part / whole : NaN;
}

/**
 * The share of requests that meet an objective, or NaN without any. As in the rules for Prometheus
 * that the library writes, cancelled requests do not count.
 */
export function objectiveShare(objective, history, increases) {
  const { requests, streams } = history.layouts;
  if (objective.condition === "first_token") {
    return shareWithin(increases.streams, streams.histograms.token, objective.seconds);
  }
  if (objective.condition === "latency") {
    return shareWithin(increases.requests, requests.histograms.duration, objective.seconds);
  }
  const valid = sum(increases.requests, requests, [
    "success", "client_error", "server_error", "panic",
  ]);
  return share(valid - sum(increases.requests, requests, ["server_error", "panic"]), valid);
}

function shareWithin(increase, histogram, seconds) {
  const total = increase[histogram.start + histogram.length - 1];
  return share(countWithin(increase, histogram, seconds), total);
}
