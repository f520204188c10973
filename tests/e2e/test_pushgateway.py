"""A batch job pushes its metrics to a real Pushgateway."""

import os
import subprocess

from harness.case import SkipReportingTest
from harness.pushgateway import Pushgateway


class Pushed(SkipReportingTest):
    def setUp(self):
        self.gateway = Pushgateway(self.program("prometheus-pushgateway"))
        self.addCleanup(self.gateway.stop)

    def test_push_of_a_job_is_stored_under_its_name(self):
        self._batch("--job", "nightly", "--shard", "a/b c")
        page = self.gateway.page()
        group = {"job": "nightly", "shard": "a/b c", "model": "small-1"}
        self.assertEqual(page.sum("app_llm_calls_total", **group), 3)
        tokens = page.by("token_type", "app_token_usage_total", **group)
        self.assertEqual(tokens.keys(), {"input", "output"})
        [(_, failed)] = page.series("push_failure_time_seconds", job="nightly")
        self.assertEqual(failed, 0)

    def test_push_of_the_next_job_replaces_the_last(self):
        for _ in range(2):
            self._batch("--job", "nightly")
        self.assertEqual(self.gateway.page().sum("app_llm_calls_total"), 3)
        self._batch("--job", "nightly", "--shard", "2")
        self.assertEqual(self.gateway.page().sum("app_llm_calls_total"), 6)

    def test_delete_removes_one_group_only(self):
        for job in ("nightly", "w\"ei\\rd/ ..%2F"):
            self._batch("--job", job)
        self._batch("--job", "nightly", "--delete")
        page = self.gateway.page()
        self.assertEqual(page.sum("app_llm_calls_total", job="nightly"), 0)
        self.assertEqual(page.sum("app_llm_calls_total"), 3)
        self._batch("--job", "w\"ei\\rd/ ..%2F", "--delete")
        self.assertEqual(self.gateway.page().sum("app_llm_calls_total"), 0)

    def _batch(self, *options):
        command = [os.environ["BATCH"], "--gateway", self.gateway.url, *options]
        subprocess.run(command, check=True, timeout=60)
