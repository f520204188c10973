// The section of model calls: outcomes and tokens over time, and a table of providers and models.

import { restName, sparkline } from "./cells.js";
import { LineChart, StackedChart } from "./charts.js";
import { element, setText } from "./dom.js";
import * as format from "./format.js";
import { ALARMING, quantile, share, sum } from "./stats.js";
import { Table, labels, numbers, setBadges } from "./table.js";
import { CALL_ERRORS, CALL_OUTCOMES } from "./vectors.js";

const SERIES = [
  { label: "success", colour: "success" },
  { label: "error", colour: "server-error", hatch: "forward" },
  { label: "cancelled", colour: "cancelled", hatch: "back" },
  { label: "truncated", colour: "client-error", hatch: "cross" },
];
const RESOURCES = {
  requests: "req",
  tokens: "tok",
  input_tokens: "in",
  output_tokens: "out",
};

export class CallsSection {
  constructor(byId, page) {
    this.page = page;
    this.rate = new StackedChart(byId("call-rate"), {
      title: "Calls/s",
      series: SERIES,
      format: format.rate,
      from: (history) =>
        history.rates("calls", page.modelFilter, slots(history, CALL_OUTCOMES)),
    }, page);
    this.tokens = new LineChart(byId("token-rate"), {
      title: "Tokens/s",
      series: [
        { label: "output", colour: "accent", style: "line accent" },
        { label: "input", colour: "second", style: "line second" },
      ],
      format: format.rate,
      from: (history) =>
        history.rates("calls", page.modelFilter, slots(history, ["output", "input"])),
    }, page);
    this.table = new Table(byId("call-table"), {
      name: "Calls by provider and model",
      columns: columns(page),
      sortBy: "rate",
      empty: "No model matches the filter, or no call has ended yet.",
    }, page);
  }

  draw(history) {
    this.rate.draw(history);
    this.tokens.draw(history);
    const rows = history.rows("calls", this.page.window)
      .filter((row) => this.page.modelFilter.selects(row.labels))
      .map((row) => summarize(row, history, this.page));
    this.table.update(rows, history.latest.at);
  }
}

function slots({ layouts }, names) {
  return names.map((name) => layouts.calls.slot(name));
}

function summarize(row, history, page) {
  const layout = history.layouts.calls;
  const { increase } = row;
  const covered = history.covered(page.window);
  const of = (name) => increase[layout.slot(name)];
  const total = sum(increase, layout, CALL_OUTCOMES);
  return {
    ...row,
    rate: total / covered,
    total,
    failed: share(of("error"), total),
    errors: CALL_ERRORS.map((type) => ({ type, number: of(`error ${type}`) }))
      .filter(({ number }) => number > 0)
      .sort((a, b) => b.number - a.number),
    p50: quantile(increase, layout.histograms.token, 0.5),
    p95: quantile(increase, layout.histograms.token, 0.95),
    input: of("input") / covered,
    output: of("output") / covered,
    cached: share(of("cached"), of("input")),
    cost: page.hasPrice(row.key) ? (of("cost") / covered) * 60 : NaN,
    limits: page.limits(row.key),
    history,
  };
}

function columns(page) {
  const { description: { has } } = page;
  return [
    modelColumn(page),
    numbers("rate", "Calls/s", (row) => row.rate, format.rate),
    numbers("total", "Calls", (row) => row.total, format.compact),
    numbers("p50", "First token p50", (row) => row.p50.value, (_, row) => format.quantile(row.p50)),
    numbers("p95", "p95", (row) => row.p95.value, (_, row) => format.quantile(row.p95), {
      name: "First token p95",
    }),
    numbers("input", "In tok/s", (row) => row.input, format.rate),
    numbers("output", "Out tok/s", (row) => row.output, format.rate),
    sparkline("Out tok/s, 5\u00a0min", page.theme, {
      kind: "calls",
      valueOf: (increase, seconds) => increase[page.layouts.calls.slot("output")] / seconds,
      format: format.rate,
    }),
    numbers("cached", "Cached", (row) => row.cached, format.percent, {
      hint: "Share of the input tokens that the provider read from its cache",
    }),
    ...(has.cost ? [numbers("cost", "Cost/min", (row) => row.cost, format.dollars)] : []),
    numbers("failed", "Failed", (row) => row.failed, format.percent, {
      isBad: (row) => row.failed >= ALARMING,
    }),
    {
      id: "errors",
      label: "Errors by type",
      align: "start",
      render: (cell, { errors }) => setBadges(cell, errors.map(errorBadge)),
    },
    {
      id: "limits",
      label: "Rate limits left",
      align: "start",
      render: (cell, { limits }) => setBadges(cell, limits.map(limitBadge)),
    },
  ];
}

/** The model with its provider below. A call that fails has no model if the reply would name it. */
function modelColumn(page) {
  const model = labels("model", "Model, provider", (row) =>
    (row.isRest ? restName(page.rest.calls, "models") : row.labels.model), "no model named");
  return {
    ...model,
    render: (cell, row) => {
      model.render(cell, row);
      const provider = cell.children[1] ?? cell.appendChild(element("bdi", { class: "provider" }));
      setText(provider, row.isRest ? "" : row.labels.provider);
    },
  };
}

function errorBadge({ type, number }) {
  return { text: `${format.words(type)} ${format.compact(number)}`, kind: "error" };
}

function limitBadge([resource, left]) {
  const name = RESOURCES[resource] ?? resource;
  return {
    text: `${left === 0 ? "! " : ""}${format.compact(left)} ${name}`,
    kind: left === 0 ? "missed" : "plain",
    title: `${format.count(left)} ${format.words(resource)} left`,
  };
}
