"""Invalid requests: the error has the provider's format and is counted as a client error."""

from harness import raw
from harness.case import EndToEndTest
from harness.chat import (
    ANTHROPIC_PATH,
    ANTHROPIC_PLAIN,
    MESSAGES,
    OPENAI_PATH,
    AnthropicChat,
    OpenAiChat,
)

MALFORMED = '{"model": "demo-1", "messages": ['


class BadInput(EndToEndTest):
    def test_malformed_json_gets_an_error_in_the_openai_format(self):
        reply = raw.post(self.gateway, OPENAI_PATH, MALFORMED)
        self.assertEqual(reply.status, 400)
        self.assertTrue(reply.headers["content-type"].startswith("application/json"))
        error = reply.json()["error"]
        self.assertEqual(error["type"], "invalid_request_error")
        self.assertTrue(error["message"])
        self.assertEqual(error.keys(), {"message", "type", "param", "code"})
        self._assert_only_request("POST", OPENAI_PATH, "400")

    def test_malformed_json_gets_an_error_in_the_anthropic_format(self):
        reply = raw.post(self.gateway, ANTHROPIC_PATH, MALFORMED)
        self.assertEqual(reply.status, 400)
        self.assertTrue(reply.headers["content-type"].startswith("application/json"))
        body = reply.json()
        self.assertEqual(body["type"], "error")
        self.assertEqual(body["error"]["type"], "invalid_request_error")
        self.assertTrue(body["error"]["message"])
        self._assert_only_request("POST", ANTHROPIC_PATH, "400")

    def test_unknown_model_raises_not_found_in_the_openai_sdk(self):
        chat = OpenAiChat(self)
        with self.assertRaises(self.module("openai").NotFoundError) as raised:
            chat.client.chat.completions.create(model="no-such-model", messages=MESSAGES)
        self.assertEqual(raised.exception.code, "model_not_found")
        self._assert_only_request("POST", OPENAI_PATH, "404")

    def test_unknown_model_raises_not_found_in_the_anthropic_sdk(self):
        chat = AnthropicChat(self)
        with self.assertRaises(self.module("anthropic").NotFoundError) as raised:
            chat.client.messages.create(**{**ANTHROPIC_PLAIN, "model": "no-such-model"})
        self.assertEqual(raised.exception.body["error"]["type"], "not_found_error")
        self._assert_only_request("POST", ANTHROPIC_PATH, "404")

    def test_client_chosen_names_do_not_become_labels(self):
        raw.post(self.gateway, OPENAI_PATH, {"model": "made-up-model", "messages": MESSAGES})
        raw.get(self.gateway, "/made-up-path")
        raw.get(self.gateway, "/made-up-path", method="MADE-UP-METHOD")
        self.assertNotIn("made-up", self.page().text.lower())

    def test_unknown_path_is_counted_as_unmatched(self):
        self.assertEqual(raw.get(self.gateway, "/no/such/path").status, 404)
        self._assert_only_request("GET", "unmatched", "404")

    def _assert_only_request(self, method, endpoint, status):
        page = self.page()
        labels = {"method": method, "endpoint": endpoint, "status": status}
        self.assertEqual(
            page.series("app_http_requests_total"), [({**labels, "outcome": "client_error"}, 1)]
        )
        self.assertEqual(page.series("app_errors_total"), [({**labels, "error_type": "client"}, 1)])
        self.assertEqual(page.sum("app_llm_calls_total"), 0)
