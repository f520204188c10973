"""A lenient parser of metrics pages, for queries in tests.

The format itself is checked in test_format.py, by promtool and prometheus_client.
"""

import re

SAMPLE = re.compile(r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Page:
    """The samples of one metrics page."""

    def __init__(self, text):
        self.text = text
        self._samples = [_sample(line) for line in text.splitlines() if not line.startswith("#")]

    def series(self, name, **labels):
        """Returns (labels, value) of the samples of a name whose labels include these."""
        return [
            (has, value)
            for named, has, value in self._samples
            if named == name and labels.items() <= has.items()
        ]

    def sum(self, name, **labels):
        """Sums the samples of a name whose labels include these; 0 without a matching sample."""
        return sum(value for _, value in self.series(name, **labels))

    def by(self, label, name, **labels):
        """Returns the sums for each value of one label, without sums of zero."""
        values = {has[label] for has, _ in self.series(name, **labels)}
        sums = {value: self.sum(name, **{**labels, label: value}) for value in values}
        return {value: amount for value, amount in sums.items() if amount}

    def values(self, name, label):
        """Returns every value of a label of the samples of a name."""
        return {has[label] for has, _ in self.series(name)}

    def samples(self):
        """Returns the number of samples."""
        return len(self._samples)

    def label_values(self, label):
        """Returns every value of a label on the page."""
        return {has[label] for _, has, _ in self._samples if label in has}

    def names(self):
        return {name for name, _, _ in self._samples}


def _sample(line):
    sample = SAMPLE.fullmatch(line)
    assert sample, f"not a sample: {line!r}"
    return sample["name"], dict(LABEL.findall(sample["labels"] or "")), float(sample["value"])
