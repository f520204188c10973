// Notices and warnings. Each is announced to screen readers once, when it appears, and not when the
// numbers in it change.

import { element, setText } from "./dom.js";
import * as format from "./format.js";

const REFUSALS = {
  too_many: "scrapes were refused with 503, because too many were in progress",
  stalled: "scrapes were broken off, because their client had stopped reading",
};

export class Notices {
  constructor(list, announcer) {
    this.list = list;
    this.announcer = announcer;
    this.shown = new Map();
    this.dismissed = new Set();
  }

  /** Shows a notice, or changes its text. A warning comes again only if the process restarts. */
  show(key, kind, text) {
    if (this.dismissed.has(key)) return;
    const notice = this.shown.get(key) ?? this.#add(key, kind, text);
    setText(notice.text, text);
  }

  /** Shows the warnings of a reading. */
  showWarnings({ overflow = [], refused = {} }) {
    for (const { family, label, count } of overflow) {
      const text = `The label ${label} of ${family} has reached its limit: `
        + `${format.count(count)} ${count === 1 ? "observation" : "observations"} became “other”.`;
      this.show(`overflow ${family} ${label}`, "warning", text);
    }
    for (const [reason, meaning] of Object.entries(REFUSALS)) {
      const count = refused[reason] ?? 0;
      if (count === 0) continue;
      this.show(`refused ${reason}`, "warning", `${format.count(count)} ${meaning}.`);
    }
  }

  clear() {
    this.list.replaceChildren();
    this.shown.clear();
    this.dismissed.clear();
  }

  #add(key, kind, text) {
    const notice = { text: element("bdi") };
    const button = element("button", { type: "button", "aria-label": "Dismiss" }, "×");
    const mark = element("span", { class: "mark", "aria-hidden": "true" },
      kind === "warning" ? "▲" : "↻");
    const item = element("li", { class: kind }, mark, notice.text, button);
    button.addEventListener("click", () => {
      item.remove();
      this.shown.delete(key);
      this.dismissed.add(key);
    });
    this.list.append(item);
    this.shown.set(key, notice);
    setText(this.announcer, text);
    return notice;
  }
}
