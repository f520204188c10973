// The section of requests: rate by outcome, distribution of latency, and a table of endpoints.

import { restName, sparkline } from "./cells.js";
import { StackedChart } from "./charts.js";
import * as format from "./format.js";
import { HeatMap } from "./heat-map.js";
import { objectiveBadge, objectivesOf } from "./objectives.js";
import { ALARMING, quantile, share, sum } from "./stats.js";
import { Table, labels, numbers, setBadges } from "./table.js";
import { REQUEST_OUTCOMES } from "./vectors.js";

const SERIES = [
  { label: "success", colour: "success" },
  { label: "client error", colour: "client-error" },
  { label: "server error", colour: "server-error", hatch: "forward" },
  { label: "cancelled", colour: "cancelled", hatch: "back" },
  { label: "panic", colour: "panic", hatch: "cross" },
];

export class RequestsSection {
  constructor(byId, page) {
    this.page = page;
    this.rate = new StackedChart(byId("request-rate"), {
      title: "Requests/s",
      series: SERIES,
      format: format.rate,
      from: (history) => history.rates("requests", page.endpointFilter, outcomeSlots(history)),
    }, page);
    this.map = new HeatMap(byId("latency-map"), {
      title: "Latency",
      note: "stronger colour: more requests",
      kind: "requests",
      histogram: "duration",
      filter: () => page.endpointFilter,
      limits: () => this.#limits(),
    }, page);
    this.table = new Table(byId("request-table"), {
      name: "Requests by endpoint",
      columns: columns(page),
      sortBy: "rate",
      empty: "No endpoint matches the filter, or no request has arrived yet.",
    }, page);
  }

  draw(history) {
    this.rate.draw(history);
    this.map.draw(history);
    const rows = history.rows("requests", this.page.window)
      .filter((row) => this.page.endpointFilter.selects(row.labels))
      .map((row) => summarize(row, history, this.page));
    this.table.update(rows, history.latest.at);
  }

  /** The times of the objectives on latency of the endpoints that are shown. */
  #limits() {
    return this.page.description.objectives
      .filter(({ condition, endpoint }) =>
        condition === "latency" && this.page.endpointFilter.selects({ endpoint }))
      .map(({ seconds }) => seconds);
  }
}

function outcomeSlots({ layouts }) {
  return REQUEST_OUTCOMES.map((outcome) => layouts.requests.slot(outcome));
}

/** Adds the values of the columns to a row. */
function summarize(row, history, page) {
  const layout = history.layouts.requests;
  const { duration } = layout.histograms;
  const { increase, now, labels: { endpoint } } = row;
  const total = sum(increase, layout, REQUEST_OUTCOMES);
  const finished = total - sum(increase, layout, ["cancelled"]);
  return {
    ...row,
    endpoint,
    rate: total / history.covered(page.window),
    total,
    failed: share(sum(increase, layout, ["server_error", "panic"]), finished),
    clientErrors: share(sum(increase, layout, ["client_error"]), finished),
    cancelled: share(sum(increase, layout, ["cancelled"]), total),
    p50: quantile(increase, duration, 0.5),
    p95: quantile(increase, duration, 0.95),
    p99: quantile(increase, duration, 0.99),
    active: now[layout.slot("active")],
    oldest: now[layout.slot("active")] > 0 ? now[layout.slot("oldest")] / 1000 : NaN,
    isAtLeast: now[layout.slot("isAtLeast")] > 0,
    objectives: objectivesOf(endpoint, history, page),
    history,
  };
}

function columns(page) {
  const all = [
    labels("endpoint", "Endpoint", (row) =>
      (row.isRest ? restName(page.rest.requests, "endpoints") : row.endpoint)),
    numbers("rate", "Req/s", (row) => row.rate, format.rate),
    numbers("total", "Requests", (row) => row.total, format.compact),
    numbers("failed", "Failed", (row) => row.failed, format.percent, {
      hint: "Share of server errors and panics; cancelled requests are left out",
      isBad: (row) => row.failed >= ALARMING,
    }),
    numbers("client-errors", "4xx", (row) => row.clientErrors, format.percent, {
      hint: "Share of client errors; cancelled requests are left out",
    }),
    numbers("cancelled", "Cancelled", (row) => row.cancelled, format.percent),
    ...["p50", "p95", "p99"].map((id) =>
      numbers(id, id, (row) => row[id].value, (_, row) => format.quantile(row[id]))),
    sparkline("p95, 5\u00a0min", page.theme, {
      kind: "requests",
      valueOf: (increase) =>
        quantile(increase, page.layouts.requests.histograms.duration, 0.95).value,
      limitOf: ({ objectives }) =>
        objectives.find(({ condition }) => condition === "latency")?.seconds,
      format: format.seconds,
    }),
    numbers("active", "In\u00a0flight", (row) => row.active, format.compact),
    numbers("oldest", "Oldest", (row) => row.oldest, ageText, {
      hint: "Age of the oldest request in flight; with “>”, it arrived before the page was opened",
    }),
  ];
  if (page.description.objectives.length > 0) all.push(objectivesColumn());
  return all;
}

function ageText(age, { isAtLeast }) {
  return format.age(age, isAtLeast);
}

function objectivesColumn() {
  return {
    id: "objectives",
    label: "Objectives",
    hint: "Share that met the objective in the last five minutes, and the share that is required",
    align: "start",
    ascending: true,
    // Missed objectives first, then those that are met, then endpoints without any.
    sort: ({ objectives }) => {
      if (objectives.length === 0) return NaN;
      return Math.min(...objectives.map(({ isMet }) => (isMet === false ? 0 : 1)));
    },
    render: (cell, { objectives }) => setBadges(cell, objectives.map(objectiveBadge)),
  };
}
