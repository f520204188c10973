// The live page of streamgauge: one connection, five minutes of history, sections that draw it.
//
// The server sends `describe` at the start of a connection and `reading` once a second. Counters
// are totals since the start of the process; `history.js` makes rates and quantiles of them.

import { CallsSection } from "./calls.js";
import { Theme } from "./canvas.js";
import { Visibility, byId, setAttribute, setText } from "./dom.js";
import { ExceptionsSection } from "./exceptions.js";
import { Filter } from "./filter.js";
import * as format from "./format.js";
import { HISTORY_SECONDS, History, PUSHED } from "./history.js";
import { Notices } from "./notices.js";
import { RequestsSection } from "./requests.js";
import { STATE_TEXTS, Source } from "./source.js";
import { StreamsSection } from "./streams.js";
import { Tiles } from "./tiles.js";
import { keyOf } from "./vectors.js";

/** Readings that are kept while the page is paused; older ones would be dropped after it anyway. */
const MOST_WAITING = HISTORY_SECONDS + 10;

/** The state of the page, which the sections read, and the loop that draws them. */
class Page {
  description = null;
  history = null;
  window = HISTORY_SECONDS;
  endpointFilter = new Filter(["endpoint"]);
  modelFilter = new Filter(["provider", "model"]);
  rest = {};
  #sections = [];
  #calls = new Map();
  #fiveMinutes = {};
  #isScheduled = false;
  #isPaused = false;
  #waiting = [];
  #state = "connecting";
  #notices = new Notices(byId("notices"), byId("announcer"));

  constructor() {
    this.onChange = () => this.#schedule();
    this.theme = new Theme(this.onChange);
    this.visibility = new Visibility(this.onChange);
    this.#connectControls();
    document.addEventListener("visibilitychange", this.onChange);
    addEventListener("beforeprint", () => this.#drawForPrint());
    this.source = new Source("events", {
      onDescribe: (description) => this.#receive("describe", () => this.#describe(description)),
      onReading: (reading) => this.#receive("reading", () => this.#read(reading)),
      onState: (state) => this.#showState(state),
      onUnreadable: () =>
        this.#notices.show("unreadable", "warning", "The server sent an event that is not JSON."),
    });
  }

  get layouts() {
    return this.history.layouts;
  }

  /** What is left of a model's rate limits: pairs of resource and number. */
  limits(key) {
    return Object.entries(this.#calls.get(key)?.limits ?? {}).filter(([, left]) => left !== null);
  }

  hasPrice(key) {
    return typeof this.#calls.get(key)?.cost === "number";
  }

  /** The increase of one row in the last five minutes. */
  fiveMinutes(kind, key) {
    return this.#fiveMinutes[kind].get(key) ?? this.layouts[kind].vector();
  }

  /** Applies an event now, or when the pause ends. */
  #receive(name, apply) {
    if (!this.#isPaused) {
      apply();
      return;
    }
    this.#waiting.push({ name, apply });
    if (this.#waiting.length <= MOST_WAITING) return;
    // Readings need the `describe` before them.
    this.#waiting.splice(this.#waiting.findIndex((event) => event.name === "reading"), 1);
  }

  #describe(description) {
    const before = this.description;
    if (before?.instance === description.instance) return;
    this.description = description;
    this.history = new History(description);
    if (!before || !isSameProgram(before, description)) this.#build();
    if (before) this.#noteRestart();
    if (description.is_disabled) this.#noteDisabled();
  }

  #read(reading) {
    // The server sends `describe` first; without it, the buckets have no bounds.
    const pushed = this.history?.push(reading) ?? PUSHED.ignored;
    if (pushed === PUSHED.ignored) return;
    if (pushed === PUSHED.restarted) this.#noteRestart();
    this.rest = reading.rest ?? {};
    this.#calls = new Map((reading.calls ?? []).map((row) => [keyOf("calls", row), row]));
    this.#notices.showWarnings(reading);
    this.#schedule();
  }

  #noteRestart() {
    this.source.noteRestart();
    this.#notices.clear();
    const text = "The process has restarted. All numbers begin at the restart.";
    this.#notices.show("restart", "restart", text);
  }

  #noteDisabled() {
    const text = "streamgauge is disabled by enabled(false) or STREAMGAUGE_DISABLED: "
      + "nothing is recorded.";
    this.#notices.show("disabled", "warning", text);
  }

  /** Makes the sections that the program has. */
  #build() {
    const { title, prefix, has } = this.description;
    setText(byId("title"), title || prefix || "Live metrics");
    document.title = `${title || prefix || "streamgauge"} · live metrics`;
    byId("requests").hidden = false;
    byId("streams").hidden = !has.streams;
    byId("calls").hidden = !has.calls;
    for (const node of document.querySelectorAll("figure, .table")) node.replaceChildren();
    this.#sections = [
      new Tiles(byId("tiles"), this),
      new RequestsSection(byId, this),
      ...(has.streams ? [new StreamsSection(byId, this)] : []),
      ...(has.calls ? [new CallsSection(byId, this)] : []),
      new ExceptionsSection(byId, this),
    ];
  }

  /** Draws before the next frame, once, and not while the page is hidden. */
  #schedule() {
    if (this.#isScheduled || document.hidden) return;
    this.#isScheduled = true;
    requestAnimationFrame(() => {
      this.#isScheduled = false;
      if (this.history?.latest) this.#draw();
    });
  }

  #draw() {
    for (const kind of ["requests", "streams"]) {
      const rows = this.history.rows(kind, HISTORY_SECONDS);
      this.#fiveMinutes[kind] = new Map(rows.map(({ key, increase }) => [key, increase]));
    }
    byId("exceptions").hidden = this.history.latest.exceptions.size === 0;
    for (const section of this.#sections) section.draw(this.history);
    this.#showUptime();
  }

  /** Draws the whole page, because the parts outside the window are blank or show old numbers. */
  #drawForPrint() {
    if (!this.history?.latest) return;
    this.visibility.showsAll = true;
    this.#draw();
    this.visibility.showsAll = false;
  }

  #showUptime() {
    const covered = this.history.covered(this.window);
    const uptime = this.history.latest.at;
    const isPartial = covered < Math.min(this.window, uptime) - 2;
    const partly = isPartial ? ` · covers ${format.duration(covered)}` : "";
    setText(byId("uptime"), `up ${format.duration(uptime)}${partly}`);
  }

  #showState(state) {
    this.#state = state;
    const isPaused = this.#isPaused && (state === "live" || state === "restarted");
    const node = byId("state");
    setAttribute(node, "data-state", isPaused ? "paused" : state);
    setText(node, isPaused ? "Paused" : STATE_TEXTS[state]);
  }

  #connectControls() {
    byId("controls").addEventListener("submit", (event) => event.preventDefault());
    onInput(byId("endpoint-filter"), (text) => {
      this.endpointFilter = new Filter(["endpoint"], text);
      this.#schedule();
    });
    onInput(byId("model-filter"), (text) => {
      this.modelFilter = new Filter(["provider", "model"], text);
      this.#schedule();
    });
    for (const input of document.querySelectorAll("input[name=window]")) {
      onInput(input, (seconds) => {
        if (input.checked) this.window = Number(seconds);
        this.#schedule();
      });
    }
    byId("pause").addEventListener("click", () => this.#togglePause());
  }

  #togglePause() {
    this.#isPaused = !this.#isPaused;
    setAttribute(byId("pause"), "aria-pressed", String(this.#isPaused));
    if (!this.#isPaused) for (const { apply } of this.#waiting.splice(0)) apply();
    this.#showState(this.#state);
  }
}

/** Calls back with the value now, as browsers restore it when a page is loaded again, and later. */
function onInput(input, callback) {
  callback(input.value);
  input.addEventListener("input", () => callback(input.value));
}

function isSameProgram(before, after) {
  return JSON.stringify({ ...before, instance: "" }) === JSON.stringify({ ...after, instance: "" });
}

new Page();
