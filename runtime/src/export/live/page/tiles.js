// The overview: a few numbers of the whole program, or of the endpoints that the filter selects.

import { element, setText } from "./dom.js";
import * as format from "./format.js";
import { allObjectives } from "./objectives.js";
import { ALARMING, quantile, share, sum } from "./stats.js";
import { CALL_OUTCOMES, MAXIMA, REQUEST_OUTCOMES } from "./vectors.js";

/** Each tile computes `{value, detail, isBad}` from the history; the detail has up to two lines. */
const TILES = [
  { label: "Requests/s", compute: requestRate },
  { label: "Failed", compute: failures },
  { label: "Latency p95", compute: latency },
  { label: "In flight", compute: inFlight },
  { label: "Active streams", needs: ({ has }) => has.streams, compute: streams },
  { label: "Tokens out/s", needs: ({ has }) => has.calls, compute: tokens },
  { label: "Calls failed", needs: ({ has }) => has.calls, compute: failedCalls },
  { label: "Cost/min", needs: ({ has }) => has.cost, compute: cost },
  { label: "Objectives", needs: ({ objectives }) => objectives.length > 0, compute: objectives },
];

export class Tiles {
  constructor(root, page) {
    this.page = page;
    const tiles = TILES.filter(({ needs }) => !needs || needs(page.description));
    this.tiles = tiles.map(({ label, compute }) => {
      const [value, detail] = [element("dd"), element("dd", { class: "detail" })];
      const node = element("div", {}, element("dt", {}, label), value, detail);
      return { node, value, detail, compute };
    });
    root.replaceChildren(...this.tiles.map(({ node }) => node));
  }

  draw(history) {
    const totals = new Totals(history, this.page);
    for (const { node, value, detail, compute } of this.tiles) {
      const shown = compute(totals);
      setText(value, shown.value);
      setText(detail, shown.detail);
      node.classList.toggle("bad", Boolean(shown.isBad));
    }
  }
}

/** Increases and current values of everything that the filters select. */
class Totals {
  constructor(history, page) {
    Object.assign(this, { history, page });
    this.layouts = history.layouts;
    this.covered = history.covered(page.window);
    this.requests = history.increase("requests", page.endpointFilter, page.window);
    this.streams = history.increase("streams", page.endpointFilter, page.window);
    this.calls = history.increase("calls", page.modelFilter, page.window);
  }

  now(kind, name) {
    const { endpointFilter, modelFilter } = this.page;
    const filter = kind === "calls" ? modelFilter : endpointFilter;
    return this.history.now(kind, filter)[this.layouts[kind].slot(name)];
  }

  of(kind, ...names) {
    return sum(this[kind], this.layouts[kind], names);
  }
}

function requestRate(totals) {
  const total = totals.of("requests", ...REQUEST_OUTCOMES);
  const sinceStart = REQUEST_OUTCOMES.reduce((all, name) => all + totals.now("requests", name), 0);
  return {
    value: format.rate(total / totals.covered),
    detail: `${format.counted(total, "request")}\n${format.count(sinceStart)} since start`,
  };
}

function failures(totals) {
  const finished = totals.of("requests", "success", "client_error", "server_error", "panic");
  const failed = totals.of("requests", "server_error", "panic");
  const clientErrors = totals.of("requests", "client_error");
  return {
    value: format.percent(share(failed, finished)),
    detail: `${format.compact(failed)} failed\n4xx: ${format.compact(clientErrors)}`,
    isBad: share(failed, finished) >= ALARMING,
  };
}

function latency(totals) {
  const { duration } = totals.layouts.requests.histograms;
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) =>
    format.quantile(quantile(totals.requests, duration, q)));
  return { value: p95, detail: `p50 ${p50}\np99 ${p99}` };
}

function inFlight(totals) {
  const active = totals.now("requests", "active");
  const [age, isAtLeast] = MAXIMA.map((name) => totals.now("requests", name));
  return {
    value: format.compact(active),
    detail: active > 0 ? `oldest ${format.age(age / 1000, isAtLeast > 0)}` : "none",
  };
}

function streams(totals) {
  const chunks = format.rate(totals.of("streams", "chunks") / totals.covered);
  const bytes = format.bytes(totals.of("streams", "bytes") / totals.covered);
  return {
    value: format.compact(totals.now("streams", "active")),
    detail: `${chunks} chunks/s\n${bytes}/s`,
  };
}

function tokens(totals) {
  const [input, cached] = [totals.of("calls", "input"), totals.of("calls", "cached")];
  return {
    value: format.rate(totals.of("calls", "output") / totals.covered),
    detail: `in ${format.rate(input / totals.covered)}/s\n`
      + `${format.percent(share(cached, input))} cached`,
  };
}

function failedCalls(totals) {
  const [errors, all] = [totals.of("calls", "error"), totals.of("calls", ...CALL_OUTCOMES)];
  return {
    value: format.percent(share(errors, all)),
    detail: `${format.compact(errors)} of\n${format.counted(all, "call")}`,
    isBad: share(errors, all) >= ALARMING,
  };
}

function cost(totals) {
  const spent = totals.of("calls", "cost");
  return {
    value: format.dollars((spent / totals.covered) * 60),
    detail: `${format.dollars(spent)} in\n${format.duration(Math.round(totals.covered))}`,
  };
}

function objectivesText(known, missed) {
  if (known === 0) return "no values yet";
  return missed > 0 ? `✗ ${missed} missed` : "✓ all met";
}

function objectives({ history, page }) {
  const known = allObjectives(history, page).filter(({ isMet }) => isMet !== null);
  const missed = known.filter(({ isMet }) => !isMet);
  return {
    value: known.length ? `${known.length - missed.length}/${known.length}` : "–",
    detail: `${objectivesText(known.length, missed.length)}\nin 5 min`,
    isBad: missed.length > 0,
  };
}
