"""A model API whose replies depend on the model that is asked for."""

import http.server
import json
import threading
import time

from harness.upstream_server import UpstreamServer

# Of each limit, what the provider says is left.
RATE_LIMITS = {"x-ratelimit-remaining-requests": "40", "x-ratelimit-remaining-tokens": "9000"}
USAGE = {
    "prompt_tokens": 120,
    "completion_tokens": 30,
    "prompt_tokens_details": {"cached_tokens": 100},
    "completion_tokens_details": {"reasoning_tokens": 10},
    "cost": 0.002,
}
# Seconds before a slow reply.
SLOW = 3
CHUNK = {"choices": [{"delta": {"content": "word "}}]}


class ScriptedProvider:
    """A server with the API of OpenAI.

    While the provider has faults, the model `busy` is refused with 429, `broken` with 500, and
    `unknown` with 404. A stream of `cut` ends too early, and a reply of `slow` takes three seconds.
    Otherwise these models reply like every other model.

    A stream of `endless` lasts until its client leaves. `silent` has no usage, and the replies of
    `long` stop at the length limit.
    """

    def __init__(self, has_faults, is_listening=True):
        provider = self
        self.has_faults = has_faults

        class Handler(_Handler):
            def do_POST(self):
                self.answer(provider)

        self._server = UpstreamServer(Handler, bind_and_activate=False)
        self._server.daemon_threads = True
        # A port that is bound and not listened to refuses connections, and stays reserved.
        self._server.server_bind()
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        if is_listening:
            self.listen()

    def listen(self):
        """Accepts connections, which were refused before."""
        self._server.server_activate()
        self._thread.start()

    def stop(self):
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    # The version that has chunked replies.
    protocol_version = "HTTP/1.1"

    def answer(self, provider):
        question = json.loads(self.rfile.read(int(self.headers["content-length"])))
        model = question["model"]
        refusals = {"busy": 429, "broken": 500, "unknown": 404}
        if model == "slow" and provider.has_faults:
            time.sleep(SLOW)
        if model in refusals and provider.has_faults:
            self._send_whole(refusals[model], {"error": {"message": "on purpose"}})
        elif question.get("stream"):
            self._send_stream(model, is_cut=model == "cut" and provider.has_faults)
        else:
            finish = "length" if model == "long" else "stop"
            choice = {"message": {"content": "word " * 30}, "finish_reason": finish}
            reply = {"object": "chat.completion", "model": model, "choices": [choice]}
            self._send_whole(200, reply if model == "silent" else {**reply, "usage": USAGE})

    def _send_whole(self, status, reply):
        body = json.dumps(reply).encode()
        self._begin(status, "application/json", {"content-length": str(len(body))})
        self.wfile.write(body)

    def _send_stream(self, model, is_cut):
        self._begin(200, "text/event-stream", {"transfer-encoding": "chunked"})
        try:
            for _ in range(1000 if model == "endless" else 5):
                self._event({"model": model, **CHUNK})
                time.sleep(0.01)
            if not is_cut:
                end = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
                self._event({"model": model, **end})
                self._event({"model": model, "choices": [], "usage": USAGE})
                self._chunk(b"data: [DONE]\n\n")
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            pass  # The client has disconnected.

    def _event(self, event):
        self._chunk(b"data: %s\n\n" % json.dumps(event).encode())

    def _chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _begin(self, status, media_type, headers):
        """Sends the head of the only reply on this connection."""
        self.send_response(status)
        every = {"connection": "close", "content-type": media_type, **RATE_LIMITS, **headers}
        for name, value in every.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments):
        pass
