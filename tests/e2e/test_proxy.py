"""The gateway as a proxy in front of another gateway, called through the providers' SDKs.

Both gateways must count the usage that the SDK received. The same tests also run without the proxy.
"""

import json
import os
import subprocess

from harness.case import EndToEndTest
from harness.chat import (
    ANTHROPIC_PATH,
    ANTHROPIC_TOOL,
    MODEL,
    OPENAI_PATH,
    OPENAI_TOOL,
    QUESTION,
    AnthropicChat,
    OpenAiChat,
    anthropic_usage,
    openai_usage,
)
from harness.gateway import Gateway, program

PROVIDER = "another gateway"


class Replies:
    """Tests of one call each. The SDKs call `front`; the gateways in `behind` count the same."""

    def front(self):
        raise NotImplementedError

    def behind(self):
        raise NotImplementedError

    def openai(self):
        return OpenAiChat(self, self.front())

    def anthropic(self):
        return AnthropicChat(self, self.front())

    def test_plain_chat_is_counted(self):
        completion = self.openai().plain()
        self.assertIn("demonstration", completion.choices[0].message.content)
        self._assert_counted(OPENAI_PATH, openai_usage(completion.usage), "stop", streams=0)

    def test_plain_chat_cut_off_by_its_token_limit_is_counted(self):
        completion = self.openai().plain(max_tokens=5)
        self.assertEqual(completion.usage.completion_tokens, 5)
        self._assert_counted(OPENAI_PATH, openai_usage(completion.usage), "length", streams=0)

    def test_streamed_chat_is_counted(self):
        chunks = self.openai().streamed()
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        self.assertIn("demonstration", text)
        self._assert_counted(OPENAI_PATH, openai_usage(chunks[-1].usage), "stop", streams=1)

    def test_tool_call_of_a_plain_chat_is_counted(self):
        completion = self.openai().plain(**OPENAI_TOOL)
        choice = completion.choices[0]
        self.assertEqual(choice.finish_reason, "tool_calls")
        self.assertIsNone(choice.message.content)
        function = choice.message.tool_calls[0].function
        self.assertEqual(function.name, "weather")
        self.assertEqual(json.loads(function.arguments), {"city": QUESTION})
        self._assert_counted(OPENAI_PATH, openai_usage(completion.usage), "tool_calls", streams=0)

    def test_tool_call_of_a_streamed_chat_is_counted(self):
        chunks = self.openai().streamed(**OPENAI_TOOL)
        calls = [
            call
            for chunk in chunks
            for choice in chunk.choices
            for call in choice.delta.tool_calls or []
        ]
        self.assertEqual(calls[0].function.name, "weather")
        arguments = "".join(call.function.arguments for call in calls)
        self.assertEqual(json.loads(arguments), {"city": QUESTION})
        self._assert_counted(OPENAI_PATH, openai_usage(chunks[-1].usage), "tool_calls", streams=1)

    def test_plain_message_is_counted(self):
        message = self.anthropic().plain()
        self.assertIn("demonstration", message.content[0].text)
        self._assert_counted(ANTHROPIC_PATH, anthropic_usage(message.usage), "stop", streams=0)

    def test_streamed_message_is_counted(self):
        message = self.anthropic().streamed(max_tokens=7)
        self.assertEqual(message.usage.output_tokens, 7)
        self._assert_counted(ANTHROPIC_PATH, anthropic_usage(message.usage), "length", streams=1)

    def test_tool_call_of_a_message_is_counted(self):
        for ask, streams in ((self.anthropic().plain, 0), (self.anthropic().streamed, 1)):
            before = self._totals()
            message = ask(**ANTHROPIC_TOOL)
            self.assertEqual(message.stop_reason, "tool_use")
            self.assertEqual(message.content[0].name, "weather")
            self.assertEqual(message.content[0].input, {"city": QUESTION})
            usage = anthropic_usage(message.usage)
            for gateway, tokens_before in before.items():
                page = self.page_at_rest(gateway)
                expected = {
                    kind: tokens + tokens_before.get(kind, 0) for kind, tokens in usage.items()
                }
                self.assertEqual(page.by("token_type", "app_token_usage_total"), expected)
                calls = page.by("finish_reason", "app_llm_calls_total")
                self.assertEqual(calls, {"tool_calls": 1 + streams})

    def test_client_disconnect_within_a_chat_is_counted(self):
        with self.openai().stream() as stream:
            for _ in range(3):
                next(stream)
        for gateway in self._gateways():
            self._assert_client_disconnect(gateway, OPENAI_PATH)

    def test_client_disconnect_within_a_message_records_the_tokens_so_far(self):
        with self.anthropic().stream() as stream:
            for _ in range(6):
                next(stream)
            input_tokens = stream.current_message_snapshot.usage.input_tokens
        for gateway in self._gateways():
            page = self._assert_client_disconnect(gateway, ANTHROPIC_PATH)
            self.assertEqual(page.sum("app_token_usage_total", token_type="input"), input_tokens)
            self.assertEqual(page.sum("app_usage_missing_total"), 0)

    def _gateways(self):
        return [self.front(), *self.behind()]

    def _totals(self):
        return {
            gateway: self.page_at_rest(gateway).by("token_type", "app_token_usage_total")
            for gateway in self._gateways()
        }

    def _assert_counted(self, path, usage, finish, streams):
        self.assertGreater(usage["input"], 0)
        self.assertGreater(usage["output"], 0)
        for gateway in self._gateways():
            page = self.page_at_rest(gateway)
            self.assertEqual(page.by("token_type", "app_token_usage_total", model=MODEL), usage)
            self.assertEqual(page.sum("app_token_usage_total"), sum(usage.values()))
            self.assertEqual(page.by("finish_reason", "app_llm_calls_total"), {finish: 1})
            self.assertEqual(page.by("endpoint", "app_llm_calls_total"), {path: 1})
            self.assertEqual(page.sum("app_usage_missing_total"), 0)
            request = {"method": "POST", "endpoint": path, "status": "200", "outcome": "success"}
            self.assertEqual(page.series("app_http_requests_total"), [(request, 1)])
            ended = page.by("outcome", "app_stream_duration_seconds_count")
            self.assertEqual(ended, {"complete": 1} if streams else {})
            first_tokens = page.sum("app_time_to_first_token_seconds_count", model=MODEL)
            self.assertEqual(first_tokens, streams)

    def _assert_client_disconnect(self, gateway, path):
        page = self.page_at_rest(gateway)
        ended = {"endpoint": path, "outcome": "client_disconnect"}
        self.assertEqual(page.series("app_stream_duration_seconds_count"), [(ended, 1)])
        self.assertEqual(page.by("outcome", "app_http_requests_total"), {"cancelled": 1})
        self.assertEqual(page.by("finish_reason", "app_llm_calls_total"), {"cancelled": 1})
        return page


class Direct(Replies, EndToEndTest):
    pace = 15

    def front(self):
        return self.gateway

    def behind(self):
        return []


class Proxied(Replies, EndToEndTest):
    pace = 15

    def setUp(self):
        super().setUp()
        self.proxy = Gateway("--upstream", self.gateway.url, "--provider", PROVIDER)
        self.addCleanup(self.proxy.stop)

    def front(self):
        return self.proxy

    def behind(self):
        return [self.gateway]

    def test_usage_missing_is_counted_by_the_proxy_if_usage_was_not_requested(self):
        chat = self.openai()
        chunks = chat.streamed(stream_options={"include_usage": False})
        self.assertEqual([chunk.usage for chunk in chunks if chunk.usage], [])
        page = self.page_at_rest(self.proxy)
        self.assertEqual(page.by("finish_reason", "app_llm_calls_total"), {"stop": 1})
        self.assertEqual(page.by("reason", "app_usage_missing_total"), {"not_sent": 1})
        self.assertEqual(page.sum("app_token_usage_total"), 0)

        counted = self.page_at_rest().by("token_type", "app_token_usage_total")
        self.assertEqual(counted, openai_usage(chat.plain().usage))

    def test_provider_label_is_the_configured_name(self):
        self.openai().plain()
        self.anthropic().streamed()
        page = self.page_at_rest(self.proxy)
        self.assertEqual(page.by("provider", "app_llm_calls_total"), {PROVIDER: 2})

    def test_upstream_errors_are_raised_by_the_sdks(self):
        openai, anthropic = self.module("openai"), self.module("anthropic")
        with self.assertRaisesRegex(openai.NotFoundError, "`nobody` does not exist"):
            self.openai().client.chat.completions.create(
                model="nobody", messages=[{"role": "user", "content": QUESTION}]
            )
        with self.assertRaisesRegex(anthropic.NotFoundError, "`nobody` does not exist"):
            self.anthropic().plain(model="nobody")
        page = self.page_at_rest(self.proxy)
        self.assertEqual(page.by("status", "app_http_requests_total"), {"404": 2})
        self.assertEqual(page.sum("app_token_usage_total"), 0)
        self.assertNotIn("nobody", page.text)

    def test_upstream_that_is_unreachable_is_raised_by_the_sdks(self):
        openai, anthropic = self.module("openai"), self.module("anthropic")
        self.gateway.stop()
        with self.assertRaisesRegex(openai.InternalServerError, "upstream cannot be reached"):
            self.openai().plain()
        with self.assertRaisesRegex(anthropic.InternalServerError, "upstream cannot be reached"):
            self.anthropic().plain()
        page = self.page_at_rest(self.proxy)
        self.assertEqual(page.by("exception_type", "app_exceptions_total"), {"Unreachable": 2})
        self.assertEqual(page.by("finish_reason", "app_llm_calls_total"), {"error": 2})

    def test_models_are_those_of_the_upstream(self):
        models = [model.id for model in self.openai().client.models.list()]
        self.assertIn(MODEL, models)
        self.assertEqual(self.page_at_rest(self.proxy).sum("app_llm_calls_total"), 0)


class Settings(EndToEndTest):
    def test_settings_that_are_invalid_end_the_start_and_are_not_printed(self):
        for upstream, key, message in (
            ("secret.example.com/v1", "", "is not a URL"),
            ("https://secret@example.com/v1", "", "belongs in the environment"),
            ("https://example.com/v1", "secret\n", "no HTTP header can carry"),
        ):
            ended = subprocess.run(
                [program(), "--listen", "127.0.0.1:0", "--upstream", upstream],
                env={**os.environ, "UPSTREAM_API_KEY": key},
                capture_output=True,
                text=True,
                timeout=30,
            )
            self.assertEqual(ended.returncode, 1)
            self.assertIn(message, ended.stderr)
            self.assertNotIn("secret", ended.stdout + ended.stderr)
