"""A real Prometheus scrapes every second while everything goes wrong that can."""

import http.client
import itertools
import random
import socket
import struct
import threading
import time

from harness.case import LoudTest
from harness.faults import FaultServer
from harness.polling import eventually
from harness.prometheus import Prometheus

SECONDS = 120
# Scrapers that do not wait for their page.
CUT = 1_000

PATHS = [
    "/ok", "/plain", "/items/7", "/files/a/b", "/slow?ms=20", "/bytes?n=100000",
    "/err?status=418", "/err?status=503", "/fail", "/panic", "/sse?n=5&ms=1", "/stream?n=50&ms=1",
    "/stream-err", "/stream-panic", "/tokens", "/tokens-spawned", "/tokens-stream", "/nowhere",
]


class AllAtOnce(LoudTest):
    def setUp(self):
        program = self.program("prometheus")
        self.server = FaultServer()
        self.addCleanup(self.server.stop)
        self.prometheus = Prometheus(program, self.server.address)
        self.addCleanup(self.prometheus.stop)
        self.over = threading.Event()
        self.done = itertools.count()
        self.cut = 0
        self.failures = []

    def test_it_is_up_for_every_second(self):
        eventually(lambda: self.assertEqual(self.prometheus.query("up"), [1]), within=30)
        workers = [self._requests] * 3 + [self._resets] * 2 + [self._cut_scrapes, self._slow_scrapers]
        threads = [
            threading.Thread(target=self._to_the_end, args=(work,), daemon=True) for work in workers
        ]
        for thread in threads:
            thread.start()
        begun = time.time()
        self.over.wait(SECONDS)
        seconds = int(time.time() - begun)
        self.over.set()
        for thread in threads:
            thread.join(15)
            self.assertFalse(thread.is_alive())
        self.assertEqual(self.failures, [])
        self.assertEqual(self.cut, CUT)
        [lowest] = self.prometheus.query(f"min_over_time(up[{seconds}s])")
        self.assertEqual(lowest, 1)
        [scrapes] = self.prometheus.query(f"count_over_time(up[{seconds}s])")
        self.assertGreaterEqual(scrapes, seconds * 0.95)
        # Of every histogram at every second, how far its last bucket was from its count.
        apart = self.prometheus.query(
            f'max_over_time(abs(app_http_request_duration_seconds_bucket{{le="+Inf"}}'
            f" - ignoring(le) app_http_request_duration_seconds_count)[{seconds}s:1s])"
        )
        self.assertGreater(len(apart), 10)
        self.assertEqual(set(apart), {0})
        requests = next(self.done)
        print(f"{scrapes:.0f} scrapes, {requests} requests", end=" ... ", flush=True)
        self.assertGreater(requests, SECONDS * 10)

        def at_rest():
            page = self.server.page()
            self.assertEqual(page.by("endpoint", "app_active_requests"), {})
            self.assertEqual(page.by("endpoint", "app_active_streams"), {})

        eventually(at_rest, within=30)

    def _to_the_end(self, work):
        """Lets a worker that fails be the test's failure: a load that is not there proves nothing."""
        try:
            work()
        except Exception as failure:
            self.failures.append(f"{work.__name__}: {failure!r}")

    def _requests(self):
        """Reads replies to their end, as far as there is one."""
        while not self.over.is_set():
            connection = http.client.HTTPConnection(self.server.address, timeout=10)
            try:
                connection.request("GET", random.choice(PATHS))
                connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            next(self.done)

    def _resets(self):
        """Leaves in the middle, and rudely."""
        while not self.over.is_set():
            with self._ask("/stream?n=1000&ms=1") as connection:
                connection.recv(100)
                _reset(connection)
            next(self.done)

    def _cut_scrapes(self):
        """Asks for the page, and is gone."""
        while self.cut < CUT and not self.over.wait(SECONDS / CUT / 2):
            with self._ask("/metrics") as connection:
                _reset(connection)
            self.cut += 1

    def _slow_scrapers(self):
        """Scrapers that take a page byte by byte, or not at all."""
        connections = [self._ask("/metrics") for _ in range(20)]
        try:
            while not self.over.wait(0.2):
                for connection in connections[:10]:
                    connection.recv(1)
        finally:
            for connection in connections:
                connection.close()

    def _ask(self, path):
        host, port = self.server.address.split(":")
        connection = socket.create_connection((host, int(port)), timeout=10)
        connection.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        return connection


def _reset(connection):
    """Lets the close be a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
