"""The metrics page, checked by promtool and by the parsers of prometheus_client."""

import gzip
import math
from collections import defaultdict

from harness import raw
from harness.case import EndToEndTest
from harness.format_checks import check_metrics
from harness.traffic import make_all_kinds


class Format(EndToEndTest):
    def setUp(self):
        super().setUp()
        make_all_kinds(self.gateway)
        self.metrics = self.page_at_rest()

    def test_page_has_counters_gauges_and_histograms_of_all_subjects(self):
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

    def test_promtool_reports_nothing(self):
        promtool = self.program("promtool")
        self.assertEqual(check_metrics(promtool, self.metrics.text), ("", 0))

    def test_families_are_declared_once_with_type_and_help(self):
        families = self._families()
        names = [family.name for family in families]
        self.assertEqual(sorted(set(names)), sorted(names))
        for family in families:
            self.assertIn(family.type, ("counter", "gauge", "histogram"), family.name)
            self.assertTrue(family.documentation, family.name)
            self.assertTrue(family.samples, family.name)

    def test_series_are_unique(self):
        seen = set()
        for family in self._families():
            for sample in family.samples:
                series = (sample.name, frozenset(sample.labels.items()))
                self.assertNotIn(series, seen)
                seen.add(series)

    def test_histograms_are_consistent(self):
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

    def test_openmetrics_page_has_the_same_samples(self):
        parser = self.module("prometheus_client.openmetrics.parser")
        accept = "application/openmetrics-text;version=1.0.0"
        page = raw.get(self.gateway, "/metrics", headers={"accept": accept})
        self.assertEqual(
            page.headers["content-type"],
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )
        families = list(parser.text_string_to_metric_families(page.text))
        self.assertEqual(_samples(families), _samples(self._families()))
        units = {family.name: family.unit for family in families}
        self.assertEqual(units["app_http_request_duration_seconds"], "seconds")
        self.assertEqual(units["app_http_requests"], "")

    def test_gzip_page_has_the_same_content(self):
        plain = raw.get(self.gateway, "/metrics")
        compressed = raw.get(self.gateway, "/metrics", headers={"accept-encoding": "gzip"})
        if compressed.headers.get("content-encoding") == "gzip":
            self.assertLess(len(compressed.body), len(plain.body) / 3)
            self.assertEqual(gzip.decompress(compressed.body), plain.body)
        else:
            self.assertEqual(compressed.body, plain.body)

    def _families(self):
        parser = self.module("prometheus_client.parser")
        return list(parser.text_string_to_metric_families(self.metrics.text))


def _samples(families):
    """Maps name and labels of every sample to its value.

    Bounds are compared as numbers, because the formats write them differently.
    """
    return {
        (
            sample.name,
            frozenset(
                (name, float(value) if name == "le" else value)
                for name, value in sample.labels.items()
            ),
        ): sample.value
        for family in families
        for sample in family.samples
    }


def _histograms(family):
    """Groups the samples of every histogram of a family by its labels without `le`."""
    histograms = defaultdict(lambda: defaultdict(list))
    for sample in family.samples:
        labels = {name: value for name, value in sample.labels.items() if name != "le"}
        part = sample.name.removeprefix(f"{family.name}_")
        value = sample.value
        if part == "bucket":
            value = (float(sample.labels["le"]), value)
        histograms[frozenset(labels.items())][part].append(value)
    return histograms
