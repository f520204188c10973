"""Everything at once that can go wrong with a server: clients that fail, leave, break off and crawl."""

import http.client
import itertools
import random
import socket
import struct
import threading
import time

PATHS = [
    "/ok", "/plain", "/items/7", "/files/a/b", "/slow?ms=20", "/bytes?n=100000",
    "/err?status=418", "/err?status=503", "/fail", "/panic", "/sse?n=5&ms=1", "/stream?n=50&ms=1",
    "/stream-err", "/stream-panic", "/tokens", "/tokens-spawned", "/tokens-stream", "/nowhere",
]


class Load:
    """All clients of a server of faults, for a time. Of scrapers that do not wait for their page there are `cut`."""

    def __init__(self, address, seconds, cut):
        self.address = address
        self.seconds = seconds
        self.cut = cut
        self.has_cut = 0
        self.failures = []
        self._done = itertools.count()
        self._over = threading.Event()

    def run(self, each_second=lambda: None):
        """Runs it, and gives the seconds that it took."""
        workers = [self._requests] * 3 + [self._resets] * 2 + [self._cut_scrapes, self._slow_scrapers]
        threads = [
            threading.Thread(target=self._to_the_end, args=(work,), daemon=True) for work in workers
        ]
        for thread in threads:
            thread.start()
        begun = time.monotonic()
        while time.monotonic() < begun + self.seconds:
            self._over.wait(1)
            each_second()
        self._over.set()
        for thread in threads:
            thread.join(15)
            if thread.is_alive():
                self.failures.append(f"{thread.name} does not end")
        return int(time.monotonic() - begun)

    def requests(self):
        """How many requests there were. Only at the end: asking counts."""
        return next(self._done)

    def _to_the_end(self, work):
        """Lets a worker that fails be the test's failure: a load that is not there proves nothing."""
        try:
            work()
        except Exception as failure:
            self.failures.append(f"{work.__name__}: {failure!r}")

    def _requests(self):
        """Reads replies to their end, as far as there is one."""
        while not self._over.is_set():
            connection = http.client.HTTPConnection(self.address, timeout=10)
            try:
                connection.request("GET", random.choice(PATHS))
                connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            next(self._done)

    def _resets(self):
        """Leaves in the middle, and rudely."""
        while not self._over.is_set():
            with self._ask("/stream?n=1000&ms=1") as connection:
                connection.recv(100)
                _reset(connection)
            next(self._done)

    def _cut_scrapes(self):
        """Asks for the page, and is gone."""
        while self.has_cut < self.cut and not self._over.wait(self.seconds / self.cut / 2):
            with self._ask("/metrics") as connection:
                _reset(connection)
            self.has_cut += 1

    def _slow_scrapers(self):
        """Scrapers that take a page byte by byte, or not at all."""
        connections = [self._ask("/metrics") for _ in range(20)]
        try:
            while not self._over.wait(0.2):
                for connection in connections[:10]:
                    connection.recv(1)
        finally:
            for connection in connections:
                connection.close()

    def _ask(self, path):
        host, port = self.address.split(":")
        connection = socket.create_connection((host, int(port)), timeout=10)
        connection.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        return connection


def _reset(connection):
    """Lets the close be a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
