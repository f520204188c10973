"""The gateway is asked to stop."""

from harness import raw
from harness.case import EndToEndTest
from harness.chat import OPENAI_PATH, OPENAI_STREAM


class Shutdown(EndToEndTest):
    def test_on_sigterm_it_ends_with_exit_code_zero(self):
        self.assertEqual(raw.get(self.gateway, "/health").status, 200)
        self._stops_well()

    def test_it_can_be_stopped_from_the_moment_it_says_where_it_listens(self):
        self._stops_well()

    def test_a_stream_that_has_begun_is_finished_first(self):
        connection = raw.connect(self.gateway)
        self.addCleanup(connection.close)
        response = raw.begin_post(connection, OPENAI_PATH, OPENAI_STREAM)
        self.assertTrue(response.readline().startswith(b"data: "))

        self.gateway.process.terminate()
        self.assertTrue(response.read().endswith(b"data: [DONE]\n\n"))
        self.assertEqual(self.gateway.process.wait(), 0)

    def test_an_idle_connection_does_not_keep_it(self):
        connection = raw.connect(self.gateway)
        self.addCleanup(connection.close)
        connection.request("GET", "/health")
        connection.getresponse().read()
        self._stops_well()

    def _stops_well(self):
        self.gateway.process.terminate()
        self.assertEqual(self.gateway.process.wait(), 0)
