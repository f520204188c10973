"""Clients for server-sent events, and SDKs that disconnect within a stream."""

import json
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from harness.case import EndToEndTest
from harness.chat import (
    ANTHROPIC_PATH,
    OPENAI_PATH,
    OPENAI_STREAM,
    AnthropicChat,
    OpenAiChat,
)
from harness.polling import eventually
from harness.process import Process

EVENTS_PATH = "/events"
LINES = [f"line {number}" for number in range(1, 11)]


class StreamTest(EndToEndTest):
    def page_after_stream(self, endpoint, outcome):
        """Waits until the only stream has ended with this outcome and returns the page."""

        def check():
            page = self.page()
            stream = {"endpoint": endpoint, "outcome": outcome}
            self.assertEqual(page.series("app_stream_duration_seconds_count"), [(stream, 1)])
            for gauge in ("app_active_requests", "app_active_streams"):
                self.assertEqual(page.by("endpoint", gauge), {}, gauge)
            return page

        page = eventually(check)
        self.assertEqual(page.sum("app_stream_errors_total"), 0)
        self.assertEqual(page.sum("app_errors_total"), 0)
        return page

    def assert_disconnect_with_tokens(self, endpoint):
        page = self.page_after_stream(endpoint, "client_disconnect")
        self.assertEqual(page.by("finish_reason", "app_llm_calls_total"), {"cancelled": 1})
        self.assertEqual(page.by("outcome", "app_http_requests_total"), {"cancelled": 1})
        self.assertGreater(page.sum("app_token_usage_total", token_type="output"), 0)
        self.assertEqual(page.sum("app_usage_missing_total"), 0)
        self.assertEqual(page.sum("app_time_to_first_token_seconds_count"), 1)


class HttpxSse(StreamTest):
    # Slow enough that no reply ends before the client disconnects.
    pace = 20

    def setUp(self):
        super().setUp()
        self.sse = self.module("httpx_sse")
        self.client = self.module("httpx").Client(base_url=self.gateway.url, timeout=30)
        self.addCleanup(self.client.close)

    def test_chat_events_are_counted_as_chunks(self):
        with self.chat() as source:
            events = [event.data for event in source.iter_sse()]
        self.assertEqual(events[-1], "[DONE]")
        page = self.page_after_stream(OPENAI_PATH, "complete")
        self.assertEqual(page.sum("app_stream_chunks_total"), len(events))
        usage = json.loads(events[-2])["usage"]
        self.assertEqual(page.sum("app_token_usage_total"), usage["total_tokens"])

    def test_client_disconnect_within_a_chat_is_counted(self):
        with self.chat() as source:
            events = source.iter_sse()
            for _ in range(4):
                next(events)
        self.assert_disconnect_with_tokens(OPENAI_PATH)

    def test_stream_events_are_counted_as_chunks(self):
        with self.sse.connect_sse(self.client, "GET", EVENTS_PATH) as source:
            events = list(source.iter_sse())
        self.assertEqual([event.data for event in events[:-1]], LINES)
        self.assertEqual([event.id for event in events[:-1]], [str(n) for n in range(1, 11)])
        self.assertEqual(events[-1].event, "end")
        page = self.page_after_stream(EVENTS_PATH, "complete")
        self.assertEqual(page.sum("app_stream_chunks_total"), len(events))

    def chat(self):
        return self.sse.connect_sse(self.client, "POST", OPENAI_PATH, json=OPENAI_STREAM)


class SdkDisconnects(StreamTest):
    pace = 30

    def test_client_disconnect_of_the_openai_sdk_is_counted(self):
        with OpenAiChat(self).stream() as stream:
            for _ in range(4):
                next(stream)
        self.assert_disconnect_with_tokens(OPENAI_PATH)

    def test_client_disconnect_of_the_anthropic_sdk_is_counted(self):
        with AnthropicChat(self).stream() as stream:
            texts = iter(stream.text_stream)
            for _ in range(4):
                next(texts)
        self.assert_disconnect_with_tokens(ANTHROPIC_PATH)


class Browser(StreamTest):
    """`EventSource` in Chromium."""

    pace = 20

    def test_events_are_counted_as_chunks(self):
        self.assertEqual(self.read(at_most=100), LINES)
        page = self.page_after_stream(EVENTS_PATH, "complete")
        self.assertEqual(page.sum("app_stream_chunks_total"), len(LINES) + 1)

    def test_client_disconnect_of_a_closed_event_source_is_counted(self):
        self.assertEqual(self.read(at_most=3), LINES[:3])
        page = self.page_after_stream(EVENTS_PATH, "client_disconnect")
        self.assertEqual(page.by("outcome", "app_http_requests_total"), {"cancelled": 1})

    def read(self, at_most):
        """Returns the events that a web page reads: all, or the first `at_most`."""
        chromium = self.program("chromium")
        server = PageServer(self.gateway.url + EVENTS_PATH, at_most)
        self.addCleanup(server.close)
        profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(profile.cleanup)
        browser = Process(
            [
                chromium,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-proxy-server",
                # The page is served from another port than the events.
                "--disable-web-security",
                f"--user-data-dir={profile.name}",
                server.url,
            ],
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(browser.stop)
        self.assertTrue(server.reported.wait(60), "the web page has not reported its events")
        return server.report


class PageServer:
    """Serves a web page that reads events, and receives the events that the page reports."""

    PAGE = """<!doctype html><script>
        const read = [];
        const source = new EventSource(%s);
        const close = () => {
            source.close();
            fetch("/", {method: "POST", body: JSON.stringify(read)});
        };
        source.onmessage = event => {
            read.push(event.data);
            if (read.length == %d) close();
        };
        source.addEventListener("end", close);
    </script>"""

    def __init__(self, source, at_most):
        self.reported = threading.Event()
        self.report = None
        page = (self.PAGE % (json.dumps(source), at_most)).encode()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self._answer(page)

            def do_POST(self):
                outer.report = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.reported.set()
                self._answer(b"")

            def _answer(self, body):
                self.send_response(200)
                self.send_header("content-type", "text/html")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
