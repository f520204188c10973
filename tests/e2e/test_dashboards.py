"""The dashboards that the gateway writes: Grafana's published types accept the one for Grafana."""

import copy
import json
import os
import subprocess
import tempfile

from harness.case import SkipReportingTest
from harness.monitoring import written_files


def written(test, *names):
    """Returns the texts of these files that the gateway writes."""
    directory = written_files(test)
    texts = []
    for name in names:
        with open(os.path.join(directory, name)) as file:
            texts.append(file.read())
    return texts


def first_panel(dashboard, kind):
    """Returns the first panel of this type of a Grafana dashboard."""
    return next(panel for panel in dashboard["panels"] if panel["type"] == kind)


def number(dashboard):
    return first_panel(dashboard, "stat")


def lines(dashboard):
    return first_panel(dashboard, "timeseries")


def query(dashboard):
    return lines(dashboard)["targets"][0]


def defaults(dashboard):
    return lines(dashboard)["fieldConfig"]["defaults"]


def variable(dashboard):
    return dashboard["templating"]["list"][1]


def repeat_a_query(dashboard):
    lines(dashboard)["targets"].append(copy.deepcopy(query(dashboard)))


# Mistakes in a Grafana dashboard, and a part of the message for each.
GRAFANA_FAULTS = {
    "type of a panel": (lambda it: lines(it).update(type="graph"), "graph"),
    "field of a dashboard": (lambda it: it.update(time_from="now-1h"), "time_from"),
    "version of the schema": (lambda it: it.pop("schemaVersion"), "schemaVersion"),
    "field of a panel": (lambda it: lines(it).update(describtion=""), "describtion"),
    "title of a panel": (lambda it: lines(it).update(title=""), "title"),
    "option of a panel": (lambda it: number(it)["options"].update(colourMode="value"), "colourMode"),
    "value of an option": (lambda it: number(it)["options"].update(graphMode="filled"), "area"),
    "custom field": (lambda it: defaults(it)["custom"].update(fill=10), "fill"),
    "type of a number": (lambda it: defaults(it).update(min="0"), "number"),
    "unit": (lambda it: defaults(it).update(unit="secs"), "secs"),
    "mode of thresholds": (lambda it: defaults(it)["thresholds"].pop("mode"), "mode"),
    "calculation of a number": (
        lambda it: number(it)["options"]["reduceOptions"].update(calcs=["latest"]),
        "latest",
    ),
    "calculation of a legend": (
        lambda it: lines(it)["options"]["legend"].update(calcs=["newest"]),
        "newest",
    ),
    "field of a query": (lambda it: query(it).update(legend="{{endpoint}}"), "legend"),
    "missing expression": (lambda it: query(it).pop("expr"), "expr"),
    "empty expression": (lambda it: query(it).update(expr=" "), "empty"),
    "missing refId": (lambda it: query(it).pop("refId"), "refId"),
    "repeated refId": (repeat_a_query, "refId A is not unique"),
    "no queries": (lambda it: lines(it).update(targets=[]), "queries"),
    "data source": (lambda it: query(it)["datasource"].update(type="loki"), "prometheus"),
    "missing id": (lambda it: lines(it).pop("id"), "id"),
    "repeated id": (lambda it: lines(it).update(id=number(it)["id"]), "not unique"),
    "missing gridPos": (lambda it: lines(it).pop("gridPos"), "gridPos"),
    "width": (lambda it: lines(it)["gridPos"].update(w=25), "outside the grid"),
    "place": (lambda it: number(it)["gridPos"].update(x=20), "outside the grid"),
    "height": (lambda it: lines(it)["gridPos"].update(h=0), "outside the grid"),
    "overlap": (lambda it: number(it)["gridPos"].update(h=6), "overlap"),
    "variable in a query": (lambda it: query(it).update(expr='up{job="$job"}'), "variable job"),
    "built-in variable": (
        lambda it: query(it).update(expr="rate(up[${__rate_interva:raw}])"),
        "__rate_interva ",
    ),
    "variable of the data source": (
        lambda it: it["templating"]["list"].pop(0),
        "variable datasource",
    ),
    "type of a variable": (lambda it: variable(it).update(type="label"), "query"),
    "refresh of a variable": (lambda it: variable(it).update(refresh="always"), "refresh"),
}


class GrafanaDashboard(SkipReportingTest):
    def setUp(self):
        self.node = self.program("node")
        self.directory = self.installed("GRAFANA_CHECK", "tests/e2e/grafana/package.json")
        [text] = written(self, "grafana.json")
        self.dashboard = json.loads(text)

    def test_published_types_accept_the_dashboard(self):
        self.assertEqual(self._problems([self.dashboard]), [[]])

    def test_mistakes_are_found(self):
        dashboards = []
        for make, _ in GRAFANA_FAULTS.values():
            dashboards.append(copy.deepcopy(self.dashboard))
            make(dashboards[-1])
        found = self._problems(dashboards)
        for (name, (_, part)), messages in zip(GRAFANA_FAULTS.items(), found, strict=True):
            with self.subTest(name):
                self.assertTrue(any(part in message for message in messages), messages)

    def _problems(self, dashboards):
        """Returns the problems that the check finds in each dashboard."""
        with tempfile.TemporaryDirectory(prefix="e2e-grafana-") as directory:
            paths = [os.path.join(directory, f"{at}.json") for at in range(len(dashboards))]
            for path, dashboard in zip(paths, dashboards, strict=True):
                with open(path, "w") as file:
                    json.dump(dashboard, file)
            run = subprocess.run(
                [self.node, "check.mjs", *paths],
                cwd=self.directory,
                stdout=subprocess.PIPE,
                text=True,
                timeout=60,
                check=True,
            )
        found = json.loads(run.stdout)
        return [found[path] for path in paths]
