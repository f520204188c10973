"""Client disconnects before the end of the reply."""

from harness.case import EndToEndTest
from harness.chat import MESSAGES, MODEL, OPENAI_PATH, OpenAiChat
from harness.polling import eventually


class ClientDisconnects(EndToEndTest):
    # Slow enough that no reply ends before the client disconnects.
    pace = 30

    def setUp(self):
        super().setUp()
        self.chat = OpenAiChat(self)

    def test_client_disconnect_within_a_stream_records_the_tokens_so_far(self):
        full_tokens = self.chat.plain().usage.completion_tokens
        before = self.page()

        with self.chat.stream() as stream:
            for _ in range(3):
                next(stream)
        after = eventually(lambda: self._page_after_disconnect("app_stream_duration_seconds_count"))

        request = {
            "method": "POST",
            "endpoint": OPENAI_PATH,
            "status": "200",
            "outcome": "cancelled",
        }
        cancelled = after.series("app_http_requests_total", outcome="cancelled")
        self.assertEqual(cancelled, [(request, 1)])
        ended = {"endpoint": OPENAI_PATH, "outcome": "client_disconnect"}
        self.assertEqual(after.series("app_stream_duration_seconds_count"), [(ended, 1)])

        output = {"endpoint": OPENAI_PATH, "token_type": "output"}
        tokens = after.sum("app_token_usage_total", **output) - before.sum(
            "app_token_usage_total", **output
        )
        self.assertGreater(tokens, 0)
        self.assertLess(tokens, full_tokens)
        self.assertEqual(after.sum("app_stream_errors_total"), 0)

    def test_client_disconnect_before_the_response_head_has_status_499(self):
        openai = self.module("openai")
        client = self.chat.client.with_options(timeout=0.2)
        with self.assertRaises(openai.APITimeoutError):
            client.chat.completions.create(model=MODEL, messages=MESSAGES)

        page = eventually(lambda: self._page_after_disconnect("app_http_requests_total"))
        request = {
            "method": "POST",
            "endpoint": OPENAI_PATH,
            "status": "499",
            "outcome": "cancelled",
        }
        self.assertEqual(page.series("app_http_requests_total"), [(request, 1)])

    def _page_after_disconnect(self, counter):
        """Returns the page once `counter` shows one disconnect and no request is active."""
        page = self.page()
        disconnects = [
            page.sum(counter, endpoint=OPENAI_PATH, outcome=outcome)
            for outcome in ("client_disconnect", "cancelled")
        ]
        self.assertEqual(sum(disconnects), 1)
        self.assertEqual(page.sum("app_active_requests", endpoint=OPENAI_PATH), 0)
        self.assertEqual(page.sum("app_active_streams", endpoint=OPENAI_PATH), 0)
        return page
