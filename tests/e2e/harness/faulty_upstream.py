"""An upstream that fails on demand: it stands before a gateway and forwards the other requests."""

import collections
import http.client
import http.server
import itertools
import threading
import time

from harness.upstream_server import UpstreamServer

# What a request is answered with. None forwards the gateway's whole reply.
FAULTS = (None, "429", "cut", "500", None, "slow")
REFUSAL = b'{"error": {"message": "on purpose", "type": "server_error"}}'


class FaultyUpstream:
    """A server that forwards requests to `gateway`, each with the next of the faults."""

    def __init__(self, gateway, slow, faults=FAULTS, headers=None):
        """Answers slow requests after `slow` seconds, and sends `headers` with every reply."""
        self.address = gateway.address
        self.slow = slow
        self.headers = headers or {}
        # The number of answers with each fault.
        self.given = collections.Counter()
        self._faults = itertools.cycle(faults)
        self._lock = threading.Lock()
        upstream = self

        class Handler(_Handler):
            def do_POST(self):
                self.answer(upstream)

        self._server = UpstreamServer(Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def next_fault(self):
        with self._lock:
            fault = next(self._faults)
            self.given[fault] += 1
            return fault

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    # The version that has chunked replies.
    protocol_version = "HTTP/1.1"

    def answer(self, upstream):
        body = self.rfile.read(int(self.headers["content-length"]))
        fault = upstream.next_fault()
        if fault == "slow":
            time.sleep(upstream.slow)
            self.close_connection = True
        elif fault in ("429", "500"):
            self._begin(int(fault), upstream.headers)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(REFUSAL)))
            self.end_headers()
            self.wfile.write(REFUSAL)
        else:
            self._forward(upstream, body, is_cut=fault == "cut")

    def _forward(self, upstream, body, is_cut):
        connection = http.client.HTTPConnection(upstream.address, timeout=30)
        try:
            connection.request("POST", self.path, body, {"content-type": "application/json"})
            reply = connection.getresponse()
            self._begin(reply.status, upstream.headers)
            self.send_header("content-type", reply.headers["content-type"])
            if length := reply.headers["content-length"]:
                self.send_header("content-length", length)
                whole = reply.read()
                parts = [whole[: len(whole) // 2]] if is_cut else [whole]
            else:
                parts = itertools.islice(reply, 12 if is_cut else None)
                self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for part in parts:
                self.wfile.write(part if length else b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.flush()
            if not length and not is_cut:
                self.wfile.write(b"0\r\n\r\n")
        except OSError:
            pass  # The client has disconnected.
        finally:
            connection.close()

    def _begin(self, status, headers):
        """Begins the head of the only reply on this connection, which a cut reply breaks."""
        self.send_response(status)
        self.send_header("connection", "close")
        for name, value in headers.items():
            self.send_header(name, value)

    def log_message(self, *arguments):
        pass
