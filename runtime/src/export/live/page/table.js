// Tables whose rows are updated in place, sorted, filtered and shortened.

import { element, setAttribute, setText, unseen } from "./dom.js";

/** Rows that are shown before the button for all of them is used. */
const SHORT = 12;
/** Seconds between two sorts, so that a row can be read before it moves. */
const SORT_EVERY = 5;
/** Sorts `/v10` after `/v9`. */
const COLLATOR = new Intl.Collator("en", { numeric: true });

/**
 * A column is `{id, label, name, hint, align, ascending, sort(row), render(cell, row)}`, where
 * `sort` returns a number or a text. `name` is the label for those who do not see the columns beside
 * it. The first column is the header of its row.
 */
export class Table {
  constructor(root, { name, columns, sortBy, empty }, { visibility, onChange }) {
    this.columns = columns;
    this.visibility = visibility;
    this.onChange = onChange;
    this.column = columns.find(({ id }) => id === sortBy);
    this.isAscending = Boolean(this.column.ascending);
    this.rows = new Map();
    this.order = [];
    this.sortedAt = -Infinity;
    this.showsAll = false;
    this.#build(root, name, empty);
  }

  update(rows, at) {
    const present = new Map(rows.map((row) => [row.key, row]));
    for (const key of this.rows.keys()) if (!present.has(key)) this.#remove(key);
    for (const key of present.keys()) if (!this.rows.has(key)) this.#add(key);
    this.#arrange(present, at);
    for (const key of this.#shownKeys()) {
      const entry = this.rows.get(key);
      // Rows out of view are filled once, as empty ones would grow when they come into view.
      if (entry.isFilled && !this.visibility.has(entry.node)) continue;
      entry.isFilled = true;
      const row = present.get(key);
      this.columns.forEach((column, i) => column.render(entry.cells[i], row));
    }
    this.empty.hidden = rows.length > 0;
    this.more.hidden = rows.length <= SHORT;
    setText(this.more, this.showsAll ? `Show the first ${SHORT}` : `Show all ${rows.length}`);
  }

  #build(root, name, empty) {
    // A table that is drawn as cards loses its role in some browsers, so all roles are explicit.
    this.headers = this.columns.map((column) => this.#header(column));
    this.body = element("tbody", { role: "rowgroup" });
    this.table = element("table", { role: "table", "aria-label": name },
      element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...this.headers)),
      this.body);
    this.empty = element("p", { class: "empty" }, empty);
    this.more = element("button", { type: "button", class: "more" });
    this.more.addEventListener("click", () => {
      this.showsAll = !this.showsAll;
      this.sortedAt = -Infinity;
      this.onChange();
    });
    const region = { class: "scroll", role: "region", "aria-label": name, tabindex: "0" };
    root.append(element("div", region, this.table), this.empty, this.more);
    this.#markSorted();
  }

  #header({ label, name, hint, align = "end", id }) {
    const attributes = { role: "columnheader", scope: "col", class: `${align} column-${id}` };
    if (!this.columns.find((column) => column.id === id).sort) {
      return element("th", attributes, element("span", { class: "plain" }, label));
    }
    const button = element("button", { type: "button" }, label);
    if (name) setAttribute(button, "aria-label", name);
    if (hint) button.title = hint;
    button.addEventListener("click", () => this.#sortBy(id));
    return element("th", attributes, button);
  }

  #sortBy(id) {
    if (this.column.id === id) this.isAscending = !this.isAscending;
    else {
      this.column = this.columns.find((column) => column.id === id);
      this.isAscending = Boolean(this.column.ascending);
    }
    this.sortedAt = -Infinity;
    this.#markSorted();
    this.onChange();
  }

  #markSorted() {
    this.columns.forEach(({ id, sort }, i) => {
      if (!sort) return;
      const direction = this.isAscending ? "ascending" : "descending";
      setAttribute(this.headers[i], "aria-sort", id === this.column.id ? direction : "none");
    });
  }

  #add(key) {
    const cells = this.columns.map(({ id, label, name = label, align = "end" }, i) => {
      const attributes = {
        class: `${align} column-${id}`, "data-label": label, "data-name": name,
      };
      return i === 0
        ? element("th", { ...attributes, role: "rowheader", scope: "row" })
        : element("td", { ...attributes, role: "cell" });
    });
    const node = element("tr", { role: "row" }, ...cells);
    this.rows.set(key, { node, cells, isFilled: false });
    this.sortedAt = -Infinity;
  }

  #remove(key) {
    const { node } = this.rows.get(key);
    this.visibility.forget(node);
    node.remove();
    this.rows.delete(key);
    this.sortedAt = -Infinity;
  }

  #shownKeys() {
    return this.showsAll ? this.order : this.order.slice(0, SHORT);
  }

  /** Sorts now and then, and puts rows in order only where the order has changed. */
  #arrange(present, at) {
    const isDue = Math.abs(at - this.sortedAt) >= SORT_EVERY;
    // A row must not move away from under the pointer or lose the focus.
    const isInUse = this.body.matches(":hover, :focus-within");
    if (this.sortedAt !== -Infinity && (!isDue || isInUse)) return;
    this.sortedAt = at;
    this.order = this.#sorted([...present.values()]);
    const shown = this.#shownKeys();
    shown.forEach((key, i) => {
      const { node } = this.rows.get(key);
      if (this.body.children[i] === node) return;
      this.body.insertBefore(node, this.body.children[i] ?? null);
      this.visibility.watch(node);
    });
    while (this.body.children.length > shown.length) {
      this.visibility.forget(this.body.lastElementChild);
      this.body.lastElementChild.remove();
    }
  }

  #sorted(rows) {
    const { sort } = this.column;
    const sign = this.isAscending ? 1 : -1;
    const keyed = rows.map((row) => ({ row, value: sort(row) }));
    keyed.sort((a, b) =>
      // The summed row is not a series, so it is last in any order.
      a.row.isRest - b.row.isRest
      || isUnknown(a.value) - isUnknown(b.value)
      || sign * compare(a.value, b.value)
      || compare(a.row.key, b.row.key));
    return keyed.map(({ row }) => row.key);
  }
}

function isUnknown(value) {
  return typeof value === "number" && Number.isNaN(value);
}

function compare(a, b) {
  if (typeof a === "string") return COLLATOR.compare(a, b);
  return isUnknown(a) || isUnknown(b) ? 0 : a - b;
}

/** A column of numbers with a text for each. */
export function numbers(id, label, value, text, options = {}) {
  return {
    id,
    label,
    sort: value,
    render: (cell, row) => {
      setText(cell, text(value(row), row));
      if (options.isBad) cell.classList.toggle("bad", options.isBad(row));
    },
    ...options,
  };
}

/**
 * A column of label values, isolated so that right-to-left text does not reorder the rest. `missing`
 * stands for an empty value.
 */
export function labels(id, label, value, missing = "–") {
  return {
    id,
    label,
    align: "start",
    ascending: true,
    sort: value,
    render: (cell, row) => {
      const text = value(row);
      const shown = cell.firstElementChild ?? cell.appendChild(element("bdi"));
      setText(shown, text || missing);
      shown.classList.toggle("missing", !text);
      if (text.length > 24 && cell.title !== text) cell.title = text;
    },
  };
}

/** Sets a cell to badges `{text, kind, spoken, title}`, reusing those that are there. */
export function setBadges(cell, badges) {
  while (cell.children.length > badges.length) cell.lastElementChild.remove();
  badges.forEach(({ text, kind, spoken, title = "" }, i) => {
    const node = cell.children[i] ?? cell.appendChild(
      element("span", {}, element("span"), unseen("")),
    );
    setAttribute(node, "class", `badge ${kind}`);
    setText(node.firstElementChild, text);
    setText(node.lastElementChild, spoken ? ` ${spoken}` : "");
    if (node.title !== title) node.title = title;
  });
}
