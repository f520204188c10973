"""Chats through Anthropic's SDK."""

from harness.case import EndToEndTest
from harness.chat import ANTHROPIC_PATH, AnthropicChat, anthropic_usage


class AnthropicChats(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.chat = AnthropicChat(self)

    def test_tokens_of_a_plain_reply_equal_the_usage_in_the_sdk(self):
        message = self.chat.plain()
        self.assertIn("demonstration", message.content[0].text)
        self._assert_counted(self.page(), message)

    def test_tokens_of_a_streamed_reply_equal_the_usage_in_the_sdk(self):
        message = self.chat.streamed()
        self.assertIn("demonstration", message.content[0].text)
        page = self.page_at_rest()
        self._assert_counted(page, message)
        stream = {"endpoint": ANTHROPIC_PATH, "outcome": "complete"}
        self.assertEqual(page.series("app_stream_duration_seconds_count"), [(stream, 1)])
        self.assertEqual(page.by("finish_reason", "app_llm_calls_total"), {"stop": 1})
        for family in ("time_to_first_token_seconds", "time_per_output_token_seconds"):
            self.assertEqual(page.sum(f"app_{family}_count", endpoint=ANTHROPIC_PATH), 1, family)

    def test_plain_and_streamed_replies_have_the_same_tokens(self):
        plain, streamed = self.chat.plain(), self.chat.streamed()
        self.assertEqual(plain.content[0].text, streamed.content[0].text)
        self.assertEqual(anthropic_usage(plain.usage), anthropic_usage(streamed.usage))

    def _assert_counted(self, page, message):
        usage = anthropic_usage(message.usage)
        self.assertGreater(usage["output"], 0)
        self.assertEqual(page.by("token_type", "app_token_usage_total"), usage)
        self.assertEqual(page.sum("app_llm_calls_total", endpoint=ANTHROPIC_PATH), 1)
        request = {
            "method": "POST",
            "endpoint": ANTHROPIC_PATH,
            "status": "200",
            "outcome": "success",
        }
        self.assertEqual(page.series("app_http_requests_total"), [(request, 1)])
