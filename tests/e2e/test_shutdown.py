"""Graceful shutdown of the gateway on SIGTERM."""

from harness import raw
from harness.case import EndToEndTest
from harness.chat import OPENAI_PATH, OPENAI_STREAM


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

    def _assert_stops(self):
        self.gateway.process.terminate()
        self.assertEqual(self.gateway.process.wait(), 0)
