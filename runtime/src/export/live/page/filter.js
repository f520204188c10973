/** Selects rows with a label that contains a text, in upper or lower case. */
export class Filter {
  constructor(names, text = "") {
    this.names = names;
    this.text = text.trim().toLowerCase();
  }

  selects(labels) {
    return this.text === ""
      || this.names.some((name) => labels[name]?.toLowerCase().includes(this.text));
  }
}
