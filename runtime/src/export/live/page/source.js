// The connection to the server, and its state.

/** Without an event for this long, the numbers are out of date. */
const STALE_AFTER = 3000;
/** Without an event for this long, the connection is taken for lost, although it is open. */
const LOST_AFTER = 15_000;
/** How long the state shows that the process has started again. */
const RESTARTED_FOR = 5000;
/** The browser does not try again after a refusal, such as 503 with too many viewers. */
const RETRY_AFTER_REFUSAL = 5000;

export const STATE_TEXTS = {
  connecting: "Connecting",
  live: "Live",
  stale: "Stale",
  lost: "Lost, reconnecting",
  refused: "Refused, retrying",
  restarted: "Restarted",
};

export class Source {
  #events = null;
  #state = "connecting";
  // Times of `performance.now()`, which does not jump with the clock.
  #lastEvent = 0;
  #restartedAt = -Infinity;

  constructor(url, { onDescribe, onReading, onState, onUnreadable }) {
    this.url = url;
    this.handlers = { describe: onDescribe, reading: onReading };
    this.onState = onState;
    this.onUnreadable = onUnreadable;
    this.#open();
    setInterval(() => this.#checkAge(), 500);
  }

  /** Shows the state `restarted` for some seconds. */
  noteRestart() {
    this.#restartedAt = performance.now();
  }

  #open() {
    this.#events = new EventSource(this.url);
    this.#events.addEventListener("error", () => this.#onError());
    for (const name of Object.keys(this.handlers)) {
      this.#events.addEventListener(name, (event) => this.#onEvent(name, event));
    }
  }

  #onEvent(name, event) {
    this.#lastEvent = performance.now();
    let data;
    try {
      data = JSON.parse(event.data);
    } catch {
      this.onUnreadable();
      return;
    }
    this.handlers[name](data);
    if (name === "reading") this.#setState(this.#isRestarted() ? "restarted" : "live");
  }

  #onError() {
    if (this.#events.readyState !== EventSource.CLOSED) {
      this.#setState("lost");
      return;
    }
    this.#setState("refused");
    setTimeout(() => this.#open(), RETRY_AFTER_REFUSAL);
  }

  #checkAge() {
    const silence = performance.now() - this.#lastEvent;
    const isReceiving = this.#state === "live" || this.#state === "restarted";
    if (isReceiving && silence > STALE_AFTER) this.#setState("stale");
    if (this.#state === "stale" && silence > LOST_AFTER) {
      this.#events.close();
      this.#setState("lost");
      this.#open();
    }
  }

  #isRestarted() {
    return performance.now() - this.#restartedAt < RESTARTED_FOR;
  }

  #setState(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.onState(state);
  }
}
