"""A chat with a whole reply, through OpenAI's SDK."""

from harness.case import EndToEndTest
from harness.chat import OPENAI_PATH, OpenAiChat, openai_usage


class PlainChat(EndToEndTest):
    def setUp(self):
        super().setUp()
        self.chat = OpenAiChat(self)

    def test_reply_says_that_it_is_a_demonstration(self):
        text = self.chat.plain().choices[0].message.content
        self.assertIn("demonstration", text)

    def test_tokens_equal_the_usage_in_the_sdk(self):
        before = self.page()
        usage = openai_usage(self.chat.plain().usage)
        self.assertGreater(usage["output"], 0)
        after = self.page()
        for token_type, tokens in usage.items():
            labels = {"endpoint": OPENAI_PATH, "token_type": token_type}
            self.assertEqual(
                after.sum("app_token_usage_total", **labels)
                - before.sum("app_token_usage_total", **labels),
                tokens,
                token_type,
            )
            self.assertEqual(after.sum("app_request_tokens_sum", **labels), tokens, token_type)

    def test_request_is_counted_as_one_request_and_one_call(self):
        for chats in (1, 2, 3):
            self.chat.plain()
            page = self.page()
            request = {
                "method": "POST",
                "endpoint": OPENAI_PATH,
                "status": "200",
                "outcome": "success",
            }
            self.assertEqual(page.series("app_http_requests_total"), [(request, chats)])
            self.assertEqual(page.sum("app_llm_calls_total"), chats)
            self.assertEqual(page.sum("app_llm_calls_total", endpoint=OPENAI_PATH), chats)
            self.assertEqual(page.sum("app_http_request_duration_seconds_count"), chats)

    def test_reply_is_not_counted_as_a_stream(self):
        self.chat.plain()
        names = self.page().names()
        self.assertEqual({name for name in names if name.startswith("app_stream_")}, set())
