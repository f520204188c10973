"""Every query and configuration in the guide works in a real Prometheus, with real traffic."""

import contextlib
import glob
import http.client
import json
import math
import os
import re
import tempfile

from harness import raw
from harness.case import SkipReportingTest
from harness.fault_server import FaultServer
from harness.gateway import FallbackGateway
from harness.polling import eventually
from harness.prometheus import Prometheus
from harness.scripted_provider import ScriptedProvider

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
DOCS = os.path.join(ROOT, "docs")
RULES, CONFIGURATION = "rules.yml", "prometheus.yml"
CHAT = "/v1/chat/completions"
# Paths of the fault server that break the connection.
BREAKING = ("/panic", "/stream-err", "/stream-panic")
# The end of a query for an alert: its threshold, which this traffic need not exceed.
THRESHOLD = re.compile(r"\s*(?:>|<|==) [\d.]+$")
# Queries that return nothing here, each with the reason.
EMPTY = {
    "app_scrapes_refused_total": "no test makes 64 scrapes stall",
    "node_textfile_mtime_seconds": "no node-exporter is scraped",
    "advanced_token_usage_total": "the programs have the prefix `app`",
}
# What a line begins with that continues the query of the line before.
CONTINUATION = re.compile(r"[\s)/*+<>=!-]|(?:and|or|unless)\b")
# Two scrapes with traffic between them lie within this time.
WITHIN = 60


def fences(text, language):
    """Returns the texts of the fences of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def queries():
    """Returns the queries of the guide, each with its chapter."""
    found = []
    for path in sorted(glob.glob(os.path.join(DOCS, "*.md"))):
        with open(path) as chapter:
            for fence in fences(chapter.read(), "promql"):
                found += [(os.path.basename(path), query) for query in queries_in(fence)]
    return found


def queries_in(fence):
    """Splits a fence: a query begins on a new line, after a query whose parentheses are closed."""
    lines = []
    for line in fence.splitlines():
        is_open = lines and lines[-1].count("(") > lines[-1].count(")")
        if line and lines and lines[-1] and (is_open or CONTINUATION.match(line)):
            lines[-1] += f"\n{line}"
        else:
            lines.append(line)
    return [query for query in lines if query]


def configuration():
    """Returns the configuration of Prometheus in the chapter on queries."""
    with open(os.path.join(DOCS, "promql.md")) as chapter:
        [text] = fences(chapter.read(), "yaml")
    return text


def rules():
    """Returns the rules of the gateway, whose recorded series are in queries of the guide."""
    with open(os.path.join(ROOT, "monitoring", RULES)) as file:
        return file.read()


def is_empty_on_purpose(query):
    return any(part in query for part in EMPTY)


class GuideFiles(SkipReportingTest):
    def test_configuration_is_accepted(self):
        with tempfile.TemporaryDirectory(prefix="e2e-configuration-") as directory:
            for name, text in ((RULES, rules()), (CONFIGURATION, configuration())):
                with open(os.path.join(directory, name), "w") as file:
                    file.write(text)
            path = os.path.join(directory, CONFIGURATION)
            self.run_program("promtool", "check", "config", "--lint-fatal", path)

    def test_queries_without_data_are_still_in_the_guide(self):
        texts = [query for _, query in queries()]
        for part in EMPTY:
            self.assertTrue(any(part in text for text in texts), part)


class GuideQueries(SkipReportingTest):
    def setUp(self):
        program = self.scraper()
        self.faults = self._start(FaultServer())
        first = self._start(ScriptedProvider(has_faults=True))
        second = self._start(ScriptedProvider(has_faults=False))
        prices = tempfile.NamedTemporaryFile("w", suffix=".json")
        self.addCleanup(prices.close)
        price = {"input": 2.5, "output": 10, "cache_read": 1.25}
        json.dump({model: price for model in ("m-1", "busy", "cut", "long")}, prices)
        prices.flush()
        self.gateway = self._start(
            FallbackGateway(
                *("--provider", f"first={first.url}", "--provider", f"second={second.url}"),
                *("--tenant", "acme", "--tenant", "zenith", "--prices", prices.name),
            )
        )
        # The chapter's own configuration, with other targets and a shorter interval.
        targets = f'["{self.gateway.address}", "{self.faults.address}"]'
        text = configuration().replace('["127.0.0.1:3000"]', targets).replace("15s", "1s")
        files = {CONFIGURATION: text, RULES: rules()}
        self.prometheus = self._start(Prometheus(program, self.gateway.address, files=files))

    def scraper(self):
        return self.program("prometheus")

    def test_queries_return_data_without_warnings(self):
        self._send_all_kinds()
        # A rate needs traffic after the first scrape of each series.
        for family in ("app_llm_calls_total", "app_unpriced_calls_total", "app_exceptions_total"):
            self._await_data(f"count_over_time({family}[1h]) >= 2")
        self._send_all_kinds()
        unfilled = []
        for place, query in queries():
            self._assert_no_warnings(place, query)
            if not is_empty_on_purpose(query):
                unfilled.append((place, THRESHOLD.sub("", query)))
        self.assertGreater(len(unfilled), 80)
        for place, query in unfilled:
            try:
                self._await_data(query)
            except AssertionError:
                self.fail(f"{place}: no data:\n{query}\n{self.gateway.page().text}")

    def test_bound_that_is_a_whole_number_is_stored_with_a_fraction(self):
        self._send_all_kinds()
        self._await_data('app_llm_calls_per_request_bucket{le="1.0"}')
        self.assertEqual(self.prometheus.query('app_llm_calls_per_request_bucket{le="1"}'), [])

    def _start(self, server):
        self.addCleanup(server.stop)
        return server

    def _send_all_kinds(self):
        for model in ("m-1", "busy", "broken", "unknown", "silent", "long", "unpriced"):
            self._ask({"model": model}, tenant="acme")
        for model in ("m-1", "cut", "busy"):
            self._ask({"model": model, "stream": True}, tenant="zenith")
        self._ask({"model": "m-1"}, tenant="invented")
        self._leave_within_a_stream()
        raw.get(self.gateway, "/no/such/path")
        for path in ("/ok", "/err?status=503", "/fail?kind=b", "/items/1", "/stream?n=3", *BREAKING):
            with contextlib.suppress(OSError, http.client.HTTPException):
                raw.get(self.faults, path)

    def _ask(self, question, tenant):
        connection = raw.connect(self.gateway)
        try:
            headers = {"content-type": "application/json", "x-tenant": tenant}
            connection.request("POST", CHAT, json.dumps(question), headers)
            connection.getresponse().read()
        finally:
            connection.close()

    def _leave_within_a_stream(self):
        connection = raw.connect(self.gateway)
        response = raw.begin_post(connection, CHAT, {"model": "endless", "stream": True})
        response.readline()
        response.close()
        connection.close()

    def _assert_no_warnings(self, place, query):
        response = self.prometheus.query_response(query)
        notes = response.get("warnings", []) + response.get("infos", [])
        self.assertEqual(notes, [], f"{place}: {query}")

    def _await_data(self, query):
        def has_data():
            values = self.prometheus.query(query)
            self.assertTrue(any(not math.isnan(value) for value in values), query)

        eventually(has_data, within=WITHIN)


class GuideQueriesInPrometheus3(GuideQueries):
    def scraper(self):
        return self.prometheus_3()
