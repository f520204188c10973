"""Real monitoring systems evaluate the written files while servers have every kind of traffic.

Each panel, recording rule and alert has data in Prometheus and in VictoriaMetrics. Alerts reach a
receiver through Alertmanager: they fire while a fault lasts, and are resolved after it.
"""

import functools
import json
import math
import os
import re
import shutil
import subprocess
import tempfile

from harness.alertmanager import Alertmanager, Receiver
from harness.case import SkipReportingTest
from harness.chat import OPENAI_PATH
from harness.fleet import COMPLETIONS, REPLICAS, FaultyFleet, Fleet
from harness.gateway import program
from harness.node_exporter import NodeExporter
from harness.polling import eventually
from harness.prometheus import Prometheus
from harness.victoria_metrics import VictoriaMetrics, VmAlert

EXPORTER = "prometheus-node-exporter"
# The programs of a test with VictoriaMetrics.
VICTORIA_METRICS = ("victoria-metrics", "vmalert", "prometheus-alertmanager")
# Queries that return nothing here, each with the reason.
EMPTY = {"offset 1h": "the traffic has no hour before; the test with faults runs this query"}
# The values of a dashboard's variables.
VARIABLES = {"$__rate_interval": "15s", "$instance": ".*", "$endpoint": ".*"}
# The comparisons of alerts, whose thresholds the mixed traffic need not exceed.
THRESHOLD = re.compile(r" (?:>|<|==) [\d.]+")
LABEL_OF_LEGEND = re.compile(r"\{\{(\w+)\}\}")
# A duration in a rule file, and the seconds that a unit becomes. Tests with faults shrink each
# duration to a sixtieth.
DURATION = re.compile(r"(\[|for: |offset )(\d+)([mhd])\b")
SECONDS = {"m": 1, "h": 60, "d": 1440}
# The alerts that the faults must cause, each with some of its labels.
CAUSED = {
    "AppProviderBusy": {"severity": "ticket", "provider": "busy"},
    "AppProviderFailing": {"severity": "page", "provider": "down"},
    "AppStreamsFailing": {"severity": "page", "endpoint": COMPLETIONS},
    "AppLatencyObjective": {"severity": "page", "endpoint": OPENAI_PATH},
    "AppLabelOverflow": {"severity": "ticket", "label": "tenant"},
}
# Seconds until every query has data, until alerts fire, and until they are resolved: the longest
# window of these alerts has 60.
FILLED, FIRING, RESOLVED = 90, 60, 120


def shrunk(rules):
    """Returns a rule file whose windows and waits are sixty times as short."""
    return DURATION.sub(lambda it: f"{it[1]}{int(it[2]) * SECONDS[it[3]]}s", rules)


def configuration(targets, alertmanagers=()):
    """Returns the configuration of a Prometheus that scrapes and evaluates every second."""
    text = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [{"job_name": "fleet", "static_configs": [{"targets": targets}]}],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": list(alertmanagers)}]}]},
    }
    # JSON is valid YAML.
    return json.dumps(text)


def panel_queries(directory):
    """Returns the queries of all panels, each with its panel and its legend."""
    with open(os.path.join(directory, "grafana.json")) as file:
        panels = json.load(file)["panels"]
    found = [
        (panel["title"], target["expr"], target["legendFormat"])
        for panel in panels
        for target in panel.get("targets", [])
    ]
    with open(os.path.join(directory, "perses.json")) as file:
        panels = json.load(file)["spec"]["panels"].values()
    for panel in panels:
        for query in panel["spec"]["queries"]:
            spec = query["spec"]["plugin"]["spec"]
            title = panel["spec"]["display"]["name"]
            found.append((title, spec["query"], spec["seriesNameFormat"]))
    # Most queries are the same in both dashboards.
    return sorted({(title, with_values(query), legend) for title, query, legend in found})


def with_values(query):
    """Replaces the variables of a dashboard."""
    for variable, value in VARIABLES.items():
        query = query.replace(variable, value)
    return query


def rule_queries(rules):
    """Returns the queries of rules without thresholds, and the names of recorded series."""
    queries = [(rule["name"], THRESHOLD.sub("", rule["query"]), "") for rule in rules]
    return queries + [("recorded", name, "") for name in recorded_names(rules)]


def recorded_names(rules):
    return {rule["name"] for rule in rules if rule["type"] == "recording"}


class WrittenFiles(SkipReportingTest):
    """Tests that share the written files, and the servers that one of the tests has started."""

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="e2e-monitoring-")
        cls.addClassCleanup(directory.cleanup)
        cls.directory = directory.name
        subprocess.run([program("MONITORING"), cls.directory], check=True, timeout=60)
        cls.rules = os.path.join(cls.directory, "rules.yml")

    @classmethod
    def start(cls, server):
        cls.addClassCleanup(server.stop)
        return server

    @classmethod
    def start_prometheus(cls, program, targets, change=str, **alerting):
        """Starts a Prometheus with the rules as `change` returns them."""
        with open(cls.rules) as file:
            rules = change(file.read())
        files = {"prometheus.yml": configuration(targets, **alerting), "rules.yml": rules}
        return cls.start(Prometheus(program, targets[0], files=files))


class RequestsOfEveryKind(WrittenFiles):
    """All systems that are installed run at once, because VictoriaMetrics needs half a minute: it
    shows a new series up to ten seconds late, and rules use the results of others."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fleet = cls.start(Fleet())
        cls.targets = cls.fleet.addresses()
        cls._start_if_installed(cls._start_exporter, EXPORTER)
        cls.vmalert = cls._start_if_installed(cls._start_victoria_metrics, *VICTORIA_METRICS)
        start = functools.partial(cls.start_prometheus, targets=cls.targets)
        cls.prometheus = cls._start_if_installed(start, "prometheus")
        cls.newest_prometheus = cls._start_if_installed(start, os.environ.get("PROMETHEUS_3", ""))

    @classmethod
    def _start_if_installed(cls, start, *names):
        programs = [shutil.which(name) for name in names]
        return start(*programs) if all(programs) else None

    @classmethod
    def _start_exporter(cls, program):
        """Starts a node-exporter with the file whose age an alert watches."""
        files = os.path.join(cls.directory, "files")
        os.mkdir(files)
        with open(os.path.join(files, "service.prom"), "w") as file:
            file.write("written_by_the_test 1\n")
        cls.targets.append(cls.start(NodeExporter(program, files)).address)

    @classmethod
    def _start_victoria_metrics(cls, storage, vmalert, alertmanager):
        cls.receiver = cls.start(Receiver())
        cls.storage = cls.start(VictoriaMetrics(storage, cls.targets))
        alertmanager = cls.start(Alertmanager(alertmanager, cls.receiver))
        return cls.start(VmAlert(vmalert, cls.rules, cls.storage, alertmanager))

    def setUp(self):
        self.program(EXPORTER)

    def test_queries_have_data_in_prometheus(self):
        self.program("prometheus")
        self._assert_prometheus_has_data(self.prometheus)

    def test_queries_have_data_in_prometheus_3(self):
        self.prometheus_3()
        self._assert_prometheus_has_data(self.newest_prometheus)

    def test_queries_have_data_in_victoria_metrics(self):
        for name in VICTORIA_METRICS:
            self.program(name)
        self._assert_have_data(self.storage, self._evaluated_rules(self.vmalert))
        panics = {"alertname": "AppPanics", "severity": "ticket", "endpoint": "/panic"}
        eventually(lambda: self.assertTrue(self.receiver.has("firing", panics)), within=FIRING)

    def _assert_prometheus_has_data(self, prometheus):
        rules = self._evaluated_rules(prometheus)
        self._assert_have_data(prometheus, rules)
        for name in recorded_names(rules) - {"job_instance:app_http_requests:present"}:
            for series in prometheus.query_response(name)["data"]["result"]:
                self.assertFalse({"instance", "job"} & series["metric"].keys(), series)
        eventually(lambda: self._assert_recorded_rate_is_the_sum_of_the_replicas(prometheus))

    def _evaluated_rules(self, server):
        """Waits until all rules are evaluated, and returns them."""

        def evaluated():
            rules = server.rules()
            self.assertTrue(rules)
            for rule in rules:
                state = rule["health"], rule.get("lastError", "")
                self.assertEqual(state, ("ok", ""), rule["name"])
            return rules

        return eventually(evaluated)

    def _assert_have_data(self, server, rules):
        """Waits until each query of the panels and of the rules has data."""
        queries = panel_queries(self.directory) + rule_queries(rules)
        self.assertGreater(len(queries), 100)
        unfilled = [query for query in queries if not any(part in query[1] for part in EMPTY)]

        def all_filled():
            unfilled[:] = [query for query in unfilled if not self._is_filled(server, *query)]
            self.assertEqual(unfilled, [])

        eventually(all_filled, within=FILLED)

    def _is_filled(self, server, place, promql, legend):
        """Returns whether a value is a number other than 0, and the labels of the legend exist."""
        response = server.query_response(promql)
        notes = response.get("warnings", []) + response.get("infos", [])
        self.assertEqual(notes, [], f"{place}: {promql}")
        result = response["data"]["result"]
        values = [float(sample["value"][1]) for sample in result]
        labels = {label for sample in result for label, value in sample["metric"].items() if value}
        has_number = any(value and not math.isnan(value) for value in values)
        return has_number and labels >= set(LABEL_OF_LEGEND.findall(legend))

    def _assert_recorded_rate_is_the_sum_of_the_replicas(self, prometheus):
        recorded = f'endpoint:app_http_requests:rate5m{{endpoint="{COMPLETIONS}"}}'
        [at] = prometheus.query(f"timestamp({recorded})")
        requests = f'app_http_requests_total{{endpoint="{COMPLETIONS}"}}[5m] @ {at}'
        rates = prometheus.query(f"sum by (instance) (rate({requests}))")
        self.assertEqual(len(rates), REPLICAS)
        self.assertGreater(min(rates), 0)
        [rate] = prometheus.query(f"{recorded} @ {at}")
        self.assertAlmostEqual(rate, sum(rates), delta=0.1 * rate)


class Faults(WrittenFiles):
    def setUp(self):
        prometheus = self.program("prometheus")
        alertmanager = self.program("prometheus-alertmanager")
        self.receiver = self.start(Receiver())
        alertmanager = self.start(Alertmanager(alertmanager, self.receiver))
        self.fleet = self.start(FaultyFleet())
        self.prometheus = self.start_prometheus(
            prometheus, self.fleet.addresses(), shrunk, alertmanagers=[alertmanager.address]
        )

    def test_alerts_fire_and_are_resolved(self):
        caused = [{"alertname": alert, **labels} for alert, labels in CAUSED.items()]
        caused.append({"alertname": "AppDown", "instance": self.fleet.tenants.address})
        eventually(self._assert_overflow_grows, within=FIRING)
        self.fleet.crash()
        self._await("firing", caused, FIRING)
        self.fleet.recover()
        self._await("resolved", caused, RESOLVED)
        pages = 'ALERTS{severity="page", alertstate="firing"}'
        eventually(lambda: self.assertEqual(self.prometheus.query(pages), []), within=RESOLVED)
        for alert in self.receiver.alerts("firing"):
            self._assert_is_rendered(alert)
        self._assert_requests_before_have_data()

    def _assert_requests_before_have_data(self):
        """Asserts that the one query has data that is left out of the test of mixed requests."""
        [query] = [it["query"] for it in self.prometheus.rules() if it["name"] == "AppNoRequests"]
        before, _ = query.split(" unless ")
        eventually(lambda: self.assertTrue(self.prometheus.query(before), before), within=FIRING)

    def _assert_overflow_grows(self):
        overflow = self.prometheus.query("sum(increase(app_metrics_overflow_total[10s])) > 0")
        self.assertTrue(overflow)

    def _await(self, status, expected, within):
        def arrived():
            missing = [labels for labels in expected if not self.receiver.has(status, labels)]
            self.assertEqual(missing, [], status)

        eventually(arrived, within)

    def _assert_is_rendered(self, alert):
        annotations = alert["annotations"]
        self.assertEqual(annotations.keys(), {"summary", "description", "runbook_url"})
        self.assertTrue(annotations["runbook_url"].startswith("https://"), annotations)
        for text in annotations.values():
            for unrendered in ("{{", "<no value>", "%!", "<error"):
                self.assertNotIn(unrendered, text)
        labels = alert["labels"].items()
        subjects = [value for label, value in labels if label not in ("alertname", "severity")]
        named = [subject for subject in subjects if subject in annotations["summary"]]
        self.assertEqual(bool(named), bool(subjects), alert)
