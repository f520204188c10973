"""The dashboards of the gateway: Grafana's types accept one, and Perses renders the other.

With DASHBOARD_PICTURE=dashboard.png, the last test makes the picture of the guide; see
.ci/dashboard_picture.
"""

import copy
import itertools
import json
import os
import subprocess
import tempfile
import time
import unittest

from harness.case import SkipReportingTest
from harness.gateway_traffic import GatewayTraffic
from harness.monitoring import written_files
from harness.perses import Perses, problems, queries
from harness.polling import eventually

# Queries that return nothing here, each with the reason.
EMPTY = {
    "app_exceptions_total": "no handler of the proxy returns an error",
    "app_metrics_overflow_total": "the traffic has few label values",
    "app_scrapes_refused_total": "only Prometheus scrapes",
}
# The values of the variables, and a window with some scrapes.
VALUES = {"$instance": ".*", "$endpoint": ".*", "$__rate_interval": "10s"}
PICTURE = os.environ.get("DASHBOARD_PICTURE", "")
PICTURE_SECONDS = int(os.environ.get("DASHBOARD_SECONDS", "330"))
# The rows that are open in the picture.
PICTURE_ROWS = {"Overview", "Objectives", "Streams"}


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
    "name of an option": (lambda it: number(it)["options"].update(colour="value"), "colour"),
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


def break_query(panel):
    panel["queries"][0]["spec"]["plugin"]["spec"]["query"] = "rate("


def break_query_kind(panel):
    panel["queries"][0]["spec"]["plugin"]["kind"] = "PrometheusQuery"


def break_panel_kind(panel):
    panel["plugin"]["kind"] = "LineChart"


def break_unit(panel):
    panel["plugin"]["spec"]["yAxis"]["format"]["unit"] = "secs"


def break_variable(panel):
    panel["queries"][0]["spec"]["plugin"]["spec"]["query"] = 'up{job="$job"}'


# Mistakes in a panel of a Perses dashboard, and a part of the message for each.
PERSES_FAULTS = {
    break_query: "parse error",
    break_query_kind: "PrometheusQuery",
    break_panel_kind: "LineChart",
    break_unit: "an error instead of a panel",
    break_variable: "variable job",
}


class Dashboards(SkipReportingTest):
    def setUp(self):
        texts = written(self, "grafana.json", "perses.json")
        self.grafana, self.perses = (json.loads(text) for text in texts)

    def test_both_have_the_same_queries(self):
        targets = [panel.get("targets", []) for panel in self.grafana["panels"]]
        expressions = [target["expr"] for target in itertools.chain(*targets)]
        self.assertGreater(len(expressions), 30)
        self.assertEqual(sorted(expressions), sorted(queries(self.perses)))

    def test_queries_without_data_are_still_in_the_dashboard(self):
        text = "\n".join(queries(self.perses))
        for part in EMPTY:
            self.assertIn(part, text)


class PersesTest(SkipReportingTest):
    """A test with a gateway that has traffic, and a page that renders its dashboard."""

    # Many short replies.
    traffic = {"clients": 4, "pause": 0.1, "pace": 2, "slow": 1}

    def setUp(self):
        page = self.installed("PERSES_PAGE", "tests/e2e/perses/package.json")
        chromium, prometheus = self.program("chromium"), self.program("prometheus")
        text, rules = written(self, "perses.json", "rules.yml")
        self.dashboard = json.loads(text)
        traffic = GatewayTraffic(**self.traffic)
        self.addCleanup(traffic.stop)
        self.perses = Perses(page, chromium, prometheus, traffic.gateway.address, rules)
        self.addCleanup(self.perses.stop)


class PersesDashboard(PersesTest):
    def test_every_panel_is_rendered_with_data(self):
        for expression in queries(self.dashboard):
            if not any(part in expression for part in EMPTY):
                self._await_data(expression)
        for listed in self.dashboard["spec"]["variables"]:
            [selector] = listed["spec"]["plugin"]["spec"]["matchers"]
            label = listed["spec"]["plugin"]["spec"]["labelName"]
            self.assertTrue(self.perses.prometheus.label_values(label, selector), label)
        # So that the screenshot has lines instead of points.
        self._await_data("count_over_time(up[1m]) > 15")
        # A panel is drawn once it is in the window.
        picture = os.environ.get("DASHBOARD_SCREENSHOT")
        page = self.perses.render(self.dashboard, (1600, 6000), duration=30, picture=picture)
        self.assertEqual(problems(self.dashboard, page), [])

    def test_mistakes_are_found(self):
        dashboard = self._dashboard_with_one_panel()
        self.assertEqual(problems(dashboard, self._small_page(dashboard)), [])
        for make, part in PERSES_FAULTS.items():
            dashboard = self._dashboard_with_one_panel()
            [panel] = dashboard["spec"]["panels"].values()
            make(panel["spec"])
            with self.subTest(make.__name__):
                found = problems(dashboard, self._small_page(dashboard))
                self.assertTrue(any(part in problem for problem in found), found)

    def _await_data(self, expression):
        for name, value in VALUES.items():
            expression = expression.replace(name, value)

        def has_data():
            self.assertNotEqual(self.perses.prometheus.query(expression), [], expression)

        eventually(has_data, within=60)

    def _dashboard_with_one_panel(self):
        """Returns a dashboard with the first panel that has lines and a single query.

        Perses shows the error of a query only if the other queries of the panel fail, too.
        """
        dashboard = copy.deepcopy(self.dashboard)
        spec = dashboard["spec"]
        for layout in spec["layouts"]:
            for item in layout["spec"]["items"]:
                key = item["content"]["$ref"].rpartition("/")[2]
                panel = spec["panels"][key]["spec"]
                if panel["plugin"]["kind"] == "TimeSeriesChart" and len(panel["queries"]) == 1:
                    layout["spec"]["items"] = [item]
                    spec["layouts"], spec["panels"] = [layout], {key: spec["panels"][key]}
                    return dashboard
        raise AssertionError("no panel has lines and a single query")

    def _small_page(self, dashboard):
        return self.perses.render(dashboard, (800, 600), duration=30)


@unittest.skipUnless(PICTURE, "only for the picture of the guide")
class DashboardPicture(PersesTest):
    traffic = {"clients": 8, "pause": 0.4, "pace": 15, "slow": 1.5}

    def test_picture(self):
        time.sleep(PICTURE_SECONDS)
        for layout in self.dashboard["spec"]["layouts"]:
            display = layout["spec"]["display"]
            display["collapse"]["open"] = display["title"] in PICTURE_ROWS
        # Without the first half minute, in which most lines begin.
        duration = PICTURE_SECONDS - 30
        page = self.perses.render(self.dashboard, (1200, 2400), duration, 10, PICTURE)
        self.assertEqual(page.console, [])
