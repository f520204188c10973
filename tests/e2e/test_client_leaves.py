"""A client that leaves before its reply has ended."""

from harness.case import EndToEndTest
from harness.chat import MESSAGES, MODEL, OPENAI_PATH, OpenAiChat
from harness.polling import eventually


class ClientLeaves(EndToEndTest):
    # Slow enough that nobody can be served whole by chance.
    pace = 30

    def setUp(self):
        super().setUp()
        self.chat = OpenAiChat(self)

    def test_a_stream_left_half_way_is_a_disconnect_with_the_tokens_so_far(self):
        whole = self.chat.plain().usage.completion_tokens
        before = self.page()

        with self.chat.stream() as stream:
            for _ in range(3):
                next(stream)
        after = eventually(lambda: self._left("app_stream_duration_seconds_count"))

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
        self.assertLess(tokens, whole)
        self.assertEqual(after.sum("app_stream_errors_total"), 0)

    def test_a_plain_reply_left_before_its_head_is_cancelled_without_a_status(self):
        openai = self.module("openai")
        hasty = self.chat.client.with_options(timeout=0.2)
        with self.assertRaises(openai.APITimeoutError):
            hasty.chat.completions.create(model=MODEL, messages=MESSAGES)

        page = eventually(lambda: self._left("app_http_requests_total"))
        request = {
            "method": "POST",
            "endpoint": OPENAI_PATH,
            "status": "499",
            "outcome": "cancelled",
        }
        self.assertEqual(page.series("app_http_requests_total"), [(request, 1)])

    def _left(self, counter):
        """The metrics once `counter` has somebody who left and nothing goes on any more."""
        page = self.page()
        left = [
            page.sum(counter, endpoint=OPENAI_PATH, outcome=outcome)
            for outcome in ("client_disconnect", "cancelled")
        ]
        self.assertEqual(sum(left), 1)
        self.assertEqual(page.sum("app_active_requests", endpoint=OPENAI_PATH), 0)
        self.assertEqual(page.sum("app_active_streams", endpoint=OPENAI_PATH), 0)
        return page
