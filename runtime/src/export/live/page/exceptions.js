// The section of exceptions: a table by type and endpoint.

import * as format from "./format.js";
import { Table, labels, numbers } from "./table.js";

export class ExceptionsSection {
  constructor(byId, page) {
    this.page = page;
    this.table = new Table(byId("exception-table"), {
      name: "Exceptions by type and endpoint",
      columns: [
        labels("type", "Type", (row) => row.labels.type),
        labels("endpoint", "Endpoint", (row) => row.labels.endpoint, "none"),
        numbers("recent", "In window", (row) => row.increase[0], format.count, {
          hint: "In the time that is chosen at the top of the page",
        }),
        numbers("total", "Since start", (row) => row.now[0], format.count),
      ],
      sortBy: "recent",
      empty: "No exception matches the filter.",
    }, page);
  }

  draw(history) {
    const rows = history.rows("exceptions", this.page.window)
      .filter((row) => this.page.endpointFilter.selects(row.labels));
    this.table.update(rows, history.latest.at);
  }
}
