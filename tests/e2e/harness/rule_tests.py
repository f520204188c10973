"""Tests of rules, in the format of promtool."""

import itertools
import re

# A value that begins, what is added at each step, and the number of further values.
GROWTH = re.compile(r"(?P<first>-?[\d.]+)(?:\+(?P<step>[\d.]+))?(?:x(?P<more>\d+))?")
MISSING = re.compile(r"_(?:x(?P<count>\d+))?")


def series(name, labels, values):
    return {"series": f"{name}{{{labels}}}", "values": values}


def rule_test(name, inputs, *evaluations):
    """Returns a test; an evaluation is a query, its minute, and the labels of its one result or None."""
    return {
        "name": name,
        "interval": "1m",
        "input_series": inputs,
        "promql_expr_test": [
            {
                "expr": query,
                "eval_time": f"{minute}m",
                "exp_samples": [] if labels is None else [{"labels": labels, "value": 1}],
            }
            for query, minute, labels in evaluations
        ],
    }


def after_recovery(firing, silent, minute):
    """Returns the series of a fault that ends after this minute.

    Counters then go on from their values with the growth that they have in `silent`. Gauges have
    the values of `silent`, or end.
    """
    faulty, healthy = _by_series(firing), _by_series(silent)
    return [
        {"series": name, "values": _recovering(name, faulty.get(name), healthy.get(name), minute)}
        for name in {**faulty, **healthy}
    ]


def _by_series(inputs):
    return {it["series"]: expanded(it["values"]) for it in inputs}


def _recovering(name, faulty, healthy, minute):
    """Returns the values of one series, `None` for those that are missing."""
    before = _padded(faulty or [], minute + 1)
    after = (healthy or [])[minute + 1 :]
    if re.match(r"\w+_(?:total|bucket|count)\{", name):
        base = next((value for value in reversed(before) if value is not None), 0)
        known = _padded(healthy or [0], minute + 1)[minute] or 0
        after = [None if value is None else base + value - known for value in after]
        # A counter that is not in `silent` stays where it is.
        after = after or [base] * 500
    values = before + (after or ["stale"])
    return " ".join("_" if value is None else str(value) for value in values)


def _padded(values, length):
    return list(itertools.islice(itertools.chain(values, itertools.repeat(None)), length))


def expanded(values):
    """Returns the values that a text of promtool stands for, `None` for those that are missing."""
    result = []
    for part in values.split():
        if missing := MISSING.fullmatch(part):
            result += [None] * int(missing["count"] or 1)
        elif part == "stale":
            result.append(part)
        else:
            growth = GROWTH.fullmatch(part)
            first, step = float(growth["first"]), float(growth["step"] or 0)
            result += [first + step * index for index in range(int(growth["more"] or 0) + 1)]
    return result
