"""Reading a /metrics page, as far as the tests ask it questions.

Whether the page keeps to the format is for `promtool` and `prometheus_client` to say, in
test_format.py.
"""

import re

SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Page:
    """One scrape."""

    def __init__(self, text):
        self.text = text
        self._samples = [_sample(line) for line in text.splitlines() if not line.startswith("#")]

    def series(self, name, **labels):
        """The samples of a name that have these labels, among others: (labels, value) pairs."""
        return [
            (has, value)
            for named, has, value in self._samples
            if named == name and labels.items() <= has.items()
        ]

    def sum(self, name, **labels):
        """The sum of those samples; 0 if there is none."""
        return sum(value for _, value in self.series(name, **labels))

    def by(self, label, name, **labels):
        """Those sums by the values of one label, zeros left out."""
        values = {has[label] for has, _ in self.series(name, **labels)}
        sums = {value: self.sum(name, **{**labels, label: value}) for value in values}
        return {value: amount for value, amount in sums.items() if amount}

    def label_values(self, label):
        """Every value that a label has anywhere on the page."""
        return {has[label] for _, has, _ in self._samples if label in has}

    def names(self):
        return {name for name, _, _ in self._samples}


def _sample(line):
    sample = SAMPLE.fullmatch(line)
    assert sample, f"not a sample: {line!r}"
    return sample["name"], dict(LABEL.findall(sample["labels"] or "")), float(sample["value"])
