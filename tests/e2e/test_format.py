"""The page of metrics, as the readers of its format judge it."""

import math
import subprocess
from collections import defaultdict

from harness.case import EndToEndTest
from harness.traffic import make_all_kinds


class Format(EndToEndTest):
    def setUp(self):
        super().setUp()
        make_all_kinds(self.gateway)
        self.metrics = self.page_at_rest()

    def test_the_traffic_leaves_counters_gauges_and_histograms_of_all_subjects(self):
        self.assertLessEqual(
            {
                "app_http_requests_total",
                "app_http_request_duration_seconds_bucket",
                "app_active_requests",
                "app_active_streams",
                "app_errors_total",
                "app_exceptions_total",
                "app_stream_duration_seconds_bucket",
                "app_token_usage_total",
                "app_llm_calls_total",
            },
            self.metrics.names(),
        )

    def test_promtool_has_nothing_to_say(self):
        check = subprocess.run(
            [self.program("promtool"), "check", "metrics"],
            input=self.metrics.text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        self.assertEqual((check.stdout, check.returncode), ("", 0))

    def test_every_family_is_declared_once_with_type_and_help(self):
        families = self._families()
        names = [family.name for family in families]
        self.assertEqual(sorted(set(names)), sorted(names))
        for family in families:
            self.assertIn(family.type, ("counter", "gauge", "histogram"), family.name)
            self.assertTrue(family.documentation, family.name)
            self.assertTrue(family.samples, family.name)

    def test_no_series_is_there_twice(self):
        seen = set()
        for family in self._families():
            for sample in family.samples:
                series = (sample.name, frozenset(sample.labels.items()))
                self.assertNotIn(series, seen)
                seen.add(series)

    def test_histograms_add_up(self):
        histograms = [family for family in self._families() if family.type == "histogram"]
        self.assertGreater(len(histograms), 4)
        for family in histograms:
            for labels, histogram in _histograms(family).items():
                with self.subTest(family=family.name, labels=dict(labels)):
                    bounds, counts = zip(*histogram["bucket"])
                    self.assertEqual(list(bounds), sorted(set(bounds)))
                    self.assertEqual(list(counts), sorted(counts))
                    self.assertEqual(bounds[-1], math.inf)
                    self.assertEqual([counts[-1]], histogram["count"])
                    self.assertEqual(len(histogram["sum"]), 1)

    def _families(self):
        parser = self.module("prometheus_client.parser")
        return list(parser.text_string_to_metric_families(self.metrics.text))


def _histograms(family):
    """The parts of every histogram of a family, by its labels without `le`."""
    histograms = defaultdict(lambda: defaultdict(list))
    for sample in family.samples:
        labels = {name: value for name, value in sample.labels.items() if name != "le"}
        part = sample.name.removeprefix(f"{family.name}_")
        value = sample.value
        if part == "bucket":
            value = (float(sample.labels["le"]), value)
        histograms[frozenset(labels.items())][part].append(value)
    return histograms
