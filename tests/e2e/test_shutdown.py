"""Graceful shutdown of the gateway on SIGTERM."""

import os
import tempfile

from harness import raw
from harness.case import EndToEndTest
from harness.chat import OPENAI_PATH, OPENAI_STREAM
from harness.format_checks import checked_text
from harness.gateway import Gateway
from harness.identities import broken_identities
from harness.page import Page


class Shutdown(EndToEndTest):
    def test_shutdown_on_sigterm_has_exit_code_zero(self):
        self.assertEqual(raw.get(self.gateway, "/health").status, 200)
        self._assert_stops()

    def test_shutdown_works_right_after_the_start(self):
        self._assert_stops()

    def test_shutdown_waits_for_open_streams(self):
        connection = raw.connect(self.gateway)
        self.addCleanup(connection.close)
        response = raw.begin_post(connection, OPENAI_PATH, OPENAI_STREAM)
        self.assertTrue(response.readline().startswith(b"data: "))

        self.gateway.process.terminate()
        self.assertTrue(response.read().endswith(b"data: [DONE]\n\n"))
        self.assertEqual(self.gateway.process.wait(), 0)

    def test_shutdown_does_not_wait_for_idle_connections(self):
        connection = raw.connect(self.gateway)
        self.addCleanup(connection.close)
        connection.request("GET", "/health")
        connection.getresponse().read()
        self._assert_stops()

    def test_shutdown_ends_streams_that_do_not_end(self):
        directory = tempfile.TemporaryDirectory(prefix="e2e-shutdown-")
        self.addCleanup(directory.cleanup)
        path = os.path.join(directory.name, "gateway.prom")
        # A reply takes minutes.
        options = ["--pace", "10000", "--drain-seconds", "1", "--metrics-file", path]
        gateway = Gateway(*options)
        self.addCleanup(gateway.stop)
        connection = raw.connect(gateway)
        self.addCleanup(connection.close)
        response = raw.begin_post(connection, OPENAI_PATH, OPENAI_STREAM)
        self.assertEqual(response.status, 200)
        self.assertEqual(gateway.page().sum("app_active_streams"), 1)

        gateway.process.terminate()
        self.assertEqual(gateway.process.wait(within=5), 0)
        with open(path) as file:
            page = Page(checked_text(file.read()))
        self.assertEqual(broken_identities(page), [])
        ended = page.by("outcome", "app_stream_duration_seconds_count")
        self.assertEqual(ended, {"client_disconnect": 1})
        self.assertEqual(page.by("outcome", "app_http_requests_total"), {"cancelled": 1})
        self.assertEqual(page.by("finish_reason", "app_llm_calls_total"), {"cancelled": 1})

    def _assert_stops(self):
        self.gateway.process.terminate()
        self.assertEqual(self.gateway.process.wait(), 0)
