"""A chat whose reply is streamed, through OpenAI's SDK and read byte by byte."""

from harness import raw
from harness.case import EndToEndTest
from harness.chat import OPENAI_PATH, OPENAI_STREAM, OpenAiChat, openai_usage

DONE = b"data: [DONE]\n\n"


class StreamedChat(EndToEndTest):
    """Through the SDK; the gateway is fresh, so what is on its page is from this one chat."""

    def setUp(self):
        super().setUp()
        self.chunks = OpenAiChat(self).streamed()
        self.metrics = self.page_at_rest()

    def test_the_text_arrives_in_pieces(self):
        pieces = [c.choices[0].delta.content or "" for c in self.chunks if c.choices]
        self.assertIn("demonstration", "".join(pieces))
        self.assertGreater(len([piece for piece in pieces if piece]), 10)

    def test_the_request_is_counted_exactly_once(self):
        request = {"method": "POST", "endpoint": OPENAI_PATH, "status": "200", "outcome": "success"}
        self.assertEqual(self.metrics.series("app_http_requests_total"), [(request, 1)])

    def test_the_stream_is_counted_exactly_once_and_as_complete(self):
        stream = {"endpoint": OPENAI_PATH, "outcome": "complete"}
        self.assertEqual(self.metrics.series("app_stream_duration_seconds_count"), [(stream, 1)])

    def test_the_chunks_are_the_events_that_were_sent(self):
        # The SDK keeps the last event, [DONE], to itself.
        self.assertEqual(
            self.metrics.sum("app_stream_chunks_total", endpoint=OPENAI_PATH), len(self.chunks) + 1
        )

    def test_there_is_a_gap_between_any_two_chunks(self):
        self.assertEqual(self.metrics.sum("app_time_to_first_chunk_seconds_count"), 1)
        self.assertEqual(self.metrics.sum("app_inter_chunk_seconds_count"), len(self.chunks))

    def test_the_tokens_are_those_that_the_sdk_was_told(self):
        usage = openai_usage(self.chunks[-1].usage)
        self.assertGreater(usage["output"], 0)
        self.assertEqual(self.metrics.by("token_type", "app_token_usage_total"), usage)
        self.assertEqual(self.metrics.by("finish_reason", "app_llm_calls_total"), {"stop": 1})

    def test_the_first_token_comes_after_the_first_chunk(self):
        first_chunk = self.metrics.sum("app_time_to_first_chunk_seconds_sum")
        first_token = self.metrics.sum("app_time_to_first_token_seconds_sum")
        self.assertEqual(self.metrics.sum("app_time_to_first_token_seconds_count"), 1)
        # The first chunk only says who speaks, and each token takes its pause.
        self.assertGreaterEqual(first_token - first_chunk, self.pace / 1000 / 2)

    def test_the_time_of_a_token_is_its_pause(self):
        self.assertEqual(self.metrics.sum("app_time_per_output_token_seconds_count"), 1)
        mean = self.metrics.sum("app_time_per_output_token_seconds_sum")
        self.assertGreaterEqual(mean, self.pace / 1000 * 0.9)

    def test_the_gauges_are_back_at_zero(self):
        for gauge in ("app_active_requests", "app_active_streams"):
            values = [value for _, value in self.metrics.series(gauge, endpoint=OPENAI_PATH)]
            self.assertEqual(values, [0], gauge)

    def test_the_duration_of_the_request_is_the_time_to_its_head(self):
        request = self.metrics.sum("app_http_request_duration_seconds_sum")
        stream = self.metrics.sum("app_stream_duration_seconds_sum")
        self.assertEqual(self.metrics.sum("app_http_request_duration_seconds_count"), 1)
        # Every token takes its pause.
        pauses = self.chunks[-1].usage.completion_tokens * self.pace / 1000
        self.assertGreaterEqual(stream, pauses)
        self.assertLess(request, stream / 5)


class BytesOfAStream(EndToEndTest):
    """Without an SDK, which would not tell what it has read."""

    def test_the_bytes_are_those_that_a_client_reads(self):
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

    def test_every_reply_adds_its_own_bytes(self):
        read = sum(
            len(raw.post(self.gateway, OPENAI_PATH, OPENAI_STREAM).body) for _ in range(3)
        )
        page = self.page_at_rest()
        self.assertEqual(page.sum("app_stream_bytes_total", endpoint=OPENAI_PATH), read)
        self.assertEqual(page.sum("app_response_size_bytes_count", endpoint=OPENAI_PATH), 3)
