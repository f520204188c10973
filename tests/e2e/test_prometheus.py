"""A real Prometheus reads the gateway, and PromQL knows what the clients know."""

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

    def test_the_gateway_is_up(self):
        self._becomes("up", [1])

    def test_promql_counts_the_tokens_and_chats_that_the_sdk_counted(self):
        chat = OpenAiChat(self)
        usages = [chat.plain().usage for _ in range(3)]
        usages += [chat.streamed()[-1].usage for _ in range(2)]
        tokens = sum(usage.total_tokens for usage in usages)

        def as_counted():
            for promql, expected in (
                ("sum(app_token_usage_total)", tokens),
                (f'sum(app_http_requests_total{{endpoint="{OPENAI_PATH}"}})', len(usages)),
                ("sum(app_llm_calls_total)", len(usages)),
                ("sum(app_stream_duration_seconds_count)", 2),
            ):
                self.assertEqual(self.prometheus.query(promql), [expected], promql)

        eventually(as_counted, within=WITHIN)
        # Further scrapes change nothing.
        [scrapes] = self.prometheus.query("count_over_time(up[1h])")
        self._becomes(f"count_over_time(up[1h]) >= bool {scrapes + 2}", [1])
        as_counted()

    def _becomes(self, promql, values):
        eventually(lambda: self.assertEqual(self.prometheus.query(promql), values), within=WITHIN)


class ScrapedByTheNewest(Scraped):
    def scraper(self):
        return self.prometheus_3()
