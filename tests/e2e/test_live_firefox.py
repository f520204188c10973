"""The live page in Firefox."""

from harness import raw
from harness.case import SkipReportingTest
from harness.chat import MESSAGES, MODEL, OPENAI_PATH, OPENAI_STREAM
from harness.firefox import Firefox
from harness.gateway import QuietGateway
from harness.live_page import ROWS, TILES, get_all, number
from harness.polling import eventually

STATE = "document.getElementById('state')?.dataset.state"
RESOURCES = "performance.getEntriesByType('resource').map((entry) => entry.name)"


class FirefoxPage(SkipReportingTest):
    def setUp(self):
        self.browser = Firefox(self.firefox(), self.module("websocket"))
        self.addCleanup(self.browser.stop)
        self.gateway = self.start_gateway()

    def test_numbers_equal_the_metrics_page_and_begin_again_after_a_restart(self):
        get_all(self.gateway, ["/risky"] * 3 + ["/risky?mode=error", "/stream", "/nowhere"])
        raw.post(self.gateway, OPENAI_PATH, {"model": MODEL, "messages": MESSAGES})
        raw.post(self.gateway, OPENAI_PATH, OPENAI_STREAM)
        self.browser.open(f"{self.gateway.url}/live/")
        self._await_state("live")
        metrics = self.gateway.page()
        requests = metrics.by("endpoint", "app_http_requests_total")
        calls = metrics.by("model", "app_llm_calls_total")
        streams = metrics.by("endpoint", "app_stream_duration_seconds_count")

        def check():
            self.assertEqual(self._totals("request"), requests)
            self.assertEqual(self._totals("call"), calls)
            self.assertEqual(self._totals("stream"), streams)
            tiles = {label: detail for label, _, detail in self.browser.evaluate(TILES)}
            self.assertEqual(tiles["Requests/s"].split()[0], f"{sum(requests.values()):.0f}")

        eventually(check)
        loaded = self.browser.evaluate(RESOURCES)
        self.assertIn(f"{self.gateway.url}/live/live.js", loaded)
        self.assertEqual([url for url in loaded if not url.startswith(self.gateway.url)], [])
        self.assertEqual(self.browser.console, [])

        self.gateway.stop()
        # Firefox may take the lost server for one that has refused the connection.
        eventually(lambda: self.assertIn(self.browser.evaluate(STATE), ("lost", "refused")))
        get_all(self.start_gateway(listen=self.gateway.address), ["/risky"])
        self._await_state("restarted")
        eventually(lambda: self.assertEqual(self._totals("request"), {"/risky": 1}))

    def start_gateway(self, **options):
        gateway = QuietGateway("--pace", "1", "--drain-seconds", "0", **options)
        self.addCleanup(gateway.stop)
        return gateway

    def _await_state(self, state):
        eventually(lambda: self.assertEqual(self.browser.evaluate(STATE), state), within=30)

    def _totals(self, section):
        """Returns the column of totals by the first label, without zeros."""
        totals = {
            row["names"][0]: number(text)
            for row in self.browser.evaluate(ROWS % section)
            for column, text, _ in row["cells"]
            if column == "total"
        }
        return {name: total for name, total in totals.items() if total}
