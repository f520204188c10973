"""A chat with a streamed reply, through OpenAI's SDK and as raw bytes."""

from harness import raw
from harness.case import EndToEndTest
from harness.chat import OPENAI_PATH, OPENAI_STREAM, OpenAiChat, openai_usage

DONE = b"data: [DONE]\n\n"


class StreamedChat(EndToEndTest):
    """Through the SDK. Each test has a new gateway, so its page shows this chat only."""

    def setUp(self):
        super().setUp()
        self.chunks = OpenAiChat(self).streamed()
        self.metrics = self.page_at_rest()

    def test_text_arrives_in_pieces(self):
        pieces = [c.choices[0].delta.content or "" for c in self.chunks if c.choices]
        self.assertIn("demonstration", "".join(pieces))
        self.assertGreater(len([piece for piece in pieces if piece]), 10)

    def test_request_is_counted_once(self):
        request = {"method": "POST", "endpoint": OPENAI_PATH, "status": "200", "outcome": "success"}
        self.assertEqual(self.metrics.series("app_http_requests_total"), [(request, 1)])

    def test_stream_is_counted_once_as_complete(self):
        stream = {"endpoint": OPENAI_PATH, "outcome": "complete"}
        self.assertEqual(self.metrics.series("app_stream_duration_seconds_count"), [(stream, 1)])

    def test_chunks_equal_the_events_sent(self):
        # The SDK does not return the last event, [DONE].
        self.assertEqual(
            self.metrics.sum("app_stream_chunks_total", endpoint=OPENAI_PATH), len(self.chunks) + 1
        )

    def test_inter_chunk_times_are_recorded_for_every_chunk_but_the_first(self):
        self.assertEqual(self.metrics.sum("app_time_to_first_chunk_seconds_count"), 1)
        self.assertEqual(self.metrics.sum("app_inter_chunk_seconds_count"), len(self.chunks))

    def test_tokens_equal_the_usage_in_the_sdk(self):
        usage = openai_usage(self.chunks[-1].usage)
        self.assertGreater(usage["output"], 0)
        self.assertEqual(self.metrics.by("token_type", "app_token_usage_total"), usage)
        self.assertEqual(self.metrics.by("finish_reason", "app_llm_calls_total"), {"stop": 1})

    def test_first_token_comes_after_the_first_chunk(self):
        first_chunk = self.metrics.sum("app_time_to_first_chunk_seconds_sum")
        first_token = self.metrics.sum("app_time_to_first_token_seconds_sum")
        self.assertEqual(self.metrics.sum("app_time_to_first_token_seconds_count"), 1)
        # The first chunk has only a role, and the gateway pauses before each token.
        self.assertGreaterEqual(first_token - first_chunk, self.pace / 1000 / 2)

    def test_time_per_output_token_is_the_pause_of_the_gateway(self):
        self.assertEqual(self.metrics.sum("app_time_per_output_token_seconds_count"), 1)
        mean = self.metrics.sum("app_time_per_output_token_seconds_sum")
        self.assertGreaterEqual(mean, self.pace / 1000 * 0.9)

    def test_gauges_return_to_zero(self):
        for gauge in ("app_active_requests", "app_active_streams"):
            values = [value for _, value in self.metrics.series(gauge, endpoint=OPENAI_PATH)]
            self.assertEqual(values, [0], gauge)

    def test_request_duration_is_the_time_to_the_response_head(self):
        request = self.metrics.sum("app_http_request_duration_seconds_sum")
        stream = self.metrics.sum("app_stream_duration_seconds_sum")
        self.assertEqual(self.metrics.sum("app_http_request_duration_seconds_count"), 1)
        # The gateway pauses before each token.
        pauses = self.chunks[-1].usage.completion_tokens * self.pace / 1000
        self.assertGreaterEqual(stream, pauses)
        self.assertLess(request, stream / 5)


class BytesOfAStream(EndToEndTest):
    """Without an SDK, because SDKs hide the number of bytes read."""

    def test_stream_bytes_equal_the_bytes_read(self):
        before = self.page()
        reply = raw.post(self.gateway, OPENAI_PATH, OPENAI_STREAM)
        self.assertEqual(reply.headers["transfer-encoding"], "chunked")
        self.assertTrue(reply.body.endswith(DONE), reply.body[-80:])
        after = self.page_at_rest()
        for name, read in (
            ("app_stream_bytes_total", len(reply.body)),
            ("app_response_size_bytes_sum", len(reply.body)),
            ("app_stream_chunks_total", reply.body.count(b"\n\n")),
        ):
            self.assertEqual(after.sum(name) - before.sum(name), read, name)

    def test_stream_bytes_add_up_over_replies(self):
        read = sum(
            len(raw.post(self.gateway, OPENAI_PATH, OPENAI_STREAM).body) for _ in range(3)
        )
        page = self.page_at_rest()
        self.assertEqual(page.sum("app_stream_bytes_total", endpoint=OPENAI_PATH), read)
        self.assertEqual(page.sum("app_response_size_bytes_count", endpoint=OPENAI_PATH), 3)
