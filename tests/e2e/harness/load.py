"""Load on a server: failing requests, resets, aborted scrapes and slow scrapers, all at once."""

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
    """Clients of a fault server that run for some seconds and abort `cut` scrapes."""

    def __init__(self, address, seconds, cut):
        self.address = address
        self.seconds = seconds
        self.cut = cut
        self.aborted_scrapes = 0
        self.failures = []
        self._done = itertools.count()
        self._over = threading.Event()

    def run(self, each_second=lambda: None):
        """Runs the load and returns the seconds that it took."""
        workers = [self._requests] * 3 + [self._resets] * 2
        workers += [self._abort_scrapes, self._slow_scrapers]
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
                self.failures.append(f"{thread.name} does not finish")
        return int(time.monotonic() - begun)

    def requests(self):
        """Returns the number of requests. Call this only once: the call increments the counter."""
        return next(self._done)

    def _to_the_end(self, work):
        """Runs a worker and records an exception as a failure: a test needs its full load."""
        try:
            work()
        except Exception as failure:
            self.failures.append(f"{work.__name__}: {failure!r}")

    def _requests(self):
        """Sends requests and reads the responses to their end."""
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
        """Resets connections within a stream."""
        while not self._over.is_set():
            with self._ask("/stream?n=1000&ms=1") as connection:
                connection.recv(100)
                reset(connection)
            next(self._done)

    def _abort_scrapes(self):
        """Requests the metrics page and resets the connection immediately."""
        while self.aborted_scrapes < self.cut and not self._over.wait(self.seconds / self.cut / 2):
            with self._ask("/metrics") as connection:
                reset(connection)
            self.aborted_scrapes += 1

    def _slow_scrapers(self):
        """Requests metrics pages and reads them byte by byte, or not at all."""
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


def reset(connection):
    """Makes the following close send a TCP reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
