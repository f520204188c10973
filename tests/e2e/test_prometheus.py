"""A real Prometheus scrapes the gateway, and PromQL returns what the clients have counted."""

from harness.case import EndToEndTest
from harness.chat import OPENAI_PATH, OpenAiChat
from harness.polling import eventually
from harness.prometheus import Prometheus

WITHIN = 30


class Scraped(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.prometheus = Prometheus(self.scraper(), self.gateway.address)
        self.addCleanup(self.prometheus.stop)

    def scraper(self):
        return self.program("prometheus")

    def test_gateway_is_up(self):
        self._assert_eventually("up", [1])

    def test_promql_sums_equal_the_usage_in_the_sdk(self):
        chat = OpenAiChat(self)
        usages = [chat.plain().usage for _ in range(3)]
        usages += [chat.streamed()[-1].usage for _ in range(2)]
        tokens = sum(usage.total_tokens for usage in usages)

        def assert_counts():
            for promql, expected in (
                ("sum(app_token_usage_total)", tokens),
                (f'sum(app_http_requests_total{{endpoint="{OPENAI_PATH}"}})', len(usages)),
                ("sum(app_llm_calls_total)", len(usages)),
                ("sum(app_stream_duration_seconds_count)", 2),
            ):
                self.assertEqual(self.prometheus.query(promql), [expected], promql)

        eventually(assert_counts, within=WITHIN)
        # Further scrapes must not change the sums.
        [scrapes] = self.prometheus.query("count_over_time(up[1h])")
        self._assert_eventually(f"count_over_time(up[1h]) >= bool {scrapes + 2}", [1])
        assert_counts()

    def _assert_eventually(self, promql, values):
        eventually(lambda: self.assertEqual(self.prometheus.query(promql), values), within=WITHIN)


class ScrapedByPrometheus3(Scraped):
    def scraper(self):
        return self.prometheus_3()
