// The section of streams: chunks and active streams over time, and a table of endpoints.

import { restName, sparkline } from "./cells.js";
import { LineChart } from "./charts.js";
import { element, setAttribute } from "./dom.js";
import * as format from "./format.js";
import { quantile, share, sum } from "./stats.js";
import { Table, labels, numbers } from "./table.js";
import { STREAM_OUTCOMES } from "./vectors.js";

/** Short forms of the outcomes. */
const SHORT_NAMES = {
  complete: "complete",
  client_disconnect: "disconnected",
  stream_error: "failed",
  error_event: "error event",
  truncated: "truncated",
  panic: "panicked",
};

export class StreamsSection {
  constructor(byId, page) {
    this.page = page;
    this.chunks = new LineChart(byId("stream-chunks"), {
      title: "Chunks/s",
      series: [{ label: "chunks", colour: "accent" }],
      format: format.rate,
      from: (history) => history.rates("streams", page.endpointFilter, slots(history, "chunks")),
    }, page);
    this.active = new LineChart(byId("stream-active"), {
      title: "Active streams",
      series: [{ label: "active", colour: "accent" }],
      format: format.compact,
      leastStep: 1,
      from: (history) => history.gauges("streams", page.endpointFilter, slots(history, "active")),
    }, page);
    this.table = new Table(byId("stream-table"), {
      name: "Streams by endpoint",
      columns: columns(page),
      sortBy: "chunks",
      empty: "No endpoint matches the filter, or no stream has begun yet.",
    }, page);
  }

  draw(history) {
    this.chunks.draw(history);
    this.active.draw(history);
    const rows = history.rows("streams", this.page.window)
      .filter((row) => this.page.endpointFilter.selects(row.labels))
      .map((row) => summarize(row, history, this.page));
    this.table.update(rows, history.latest.at);
  }
}

function slots({ layouts }, ...names) {
  return names.map((name) => layouts.streams.slot(name));
}

function summarize(row, history, page) {
  const layout = history.layouts.streams;
  const { increase, now } = row;
  const covered = history.covered(page.window);
  const ended = STREAM_OUTCOMES.map((outcome) => increase[layout.slot(outcome)]);
  const total = sum(increase, layout, STREAM_OUTCOMES);
  return {
    ...row,
    active: now[layout.slot("active")],
    chunks: increase[layout.slot("chunks")] / covered,
    bytes: increase[layout.slot("bytes")] / covered,
    p50: quantile(increase, layout.histograms.chunk, 0.5),
    p95: quantile(increase, layout.histograms.chunk, 0.95),
    ended,
    total,
    complete: share(ended[0], total),
    history,
  };
}

function columns(page) {
  return [
    labels("endpoint", "Endpoint", (row) =>
      (row.isRest ? restName(page.rest.streams, "endpoints") : row.labels.endpoint)),
    numbers("active", "Active", (row) => row.active, format.compact),
    numbers("chunks", "Chunks/s", (row) => row.chunks, format.rate),
    numbers("bytes", "Bytes/s", (row) => row.bytes, format.bytes),
    numbers("p50", "First chunk p50", (row) => row.p50.value, (_, row) => format.quantile(row.p50)),
    numbers("p95", "p95", (row) => row.p95.value, (_, row) => format.quantile(row.p95), {
      name: "First chunk p95",
    }),
    sparkline("Chunks/s, 5\u00a0min", page.theme, {
      kind: "streams",
      valueOf: (increase, seconds) => increase[page.layouts.streams.slot("chunks")] / seconds,
      format: format.rate,
    }),
    numbers("total", "Ended", (row) => row.total, format.compact),
    {
      id: "ended",
      label: "How they ended",
      hint: "Sorts by the share of complete streams",
      align: "start",
      ascending: true,
      sort: (row) => row.complete,
      render: renderEnds,
    },
  ];
}

/** A bar of the outcomes, and their numbers as a text. */
function renderEnds(cell, { ended, total }) {
  const bar = cell.firstElementChild ?? cell.appendChild(emptyBar());
  const text = cell.children[1] ?? cell.appendChild(element("span", { class: "ends" }));
  ended.forEach((number, i) => {
    bar.children[i].style.setProperty("flex-grow", total > 0 ? number / total : 0);
  });
  const parts = endsTexts(ended, total);
  if (text.textContent === parts.join(" · ")) return;
  // A line breaks between parts only.
  text.replaceChildren(...parts.flatMap((part, i) => [i ? " · " : "", element("span", {}, part)]));
}

function endsTexts(ended, total) {
  if (!(total > 0)) return ["none ended"];
  const [complete, ...others] = ended;
  const parts = others
    .map((number, i) => [number, SHORT_NAMES[STREAM_OUTCOMES[i + 1]]])
    .filter(([number]) => number > 0)
    .map(([number, name]) => `${format.compact(number)} ${name}`);
  return [`${format.percent(complete / total)} complete`, ...parts];
}

function emptyBar() {
  const bar = element("span", { class: "share", "aria-hidden": "true" });
  for (const outcome of STREAM_OUTCOMES) {
    const part = element("span");
    setAttribute(part, "class", outcome.replace("_", "-"));
    bar.append(part);
  }
  return bar;
}
