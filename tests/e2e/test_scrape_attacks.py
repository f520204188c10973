"""A real Prometheus scrapes every second while clients attack the metrics page or its numbers."""

import time

from harness.attacks import ClosedWindow, NeverReading, Pipelining, declare_and_close
from harness.case import SkipReportingTest
from harness.fault_server import FaultServer
from harness.polling import eventually
from harness.prometheus import Prometheus

# The number of streams on a page that is larger than what the operating system buffers of it.
STREAMS = 90
LARGE = 4_000_000
# The duration of an attack.
SECONDS = 10


class Attacked(SkipReportingTest):
    options = ()

    def setUp(self):
        program = self.program("prometheus")
        self.server = FaultServer(*self.options)
        self.addCleanup(self.server.stop)
        self.prometheus = Prometheus(program, self.server.address)
        self.addCleanup(self.prometheus.stop)


class BlockedScrapes(Attacked):
    options = ("--streams", str(STREAMS))

    def test_closed_http2_windows_block_no_scrape(self):
        self._assert_is_up_during(ClosedWindow)

    def test_connections_that_never_read_block_no_scrape(self):
        self._assert_is_up_during(NeverReading)

    def test_pipelined_requests_block_no_scrape(self):
        self._assert_is_up_during(Pipelining)

    def _assert_is_up_during(self, attack):
        self.assertGreater(len(self.server.page().text), LARGE)
        eventually(lambda: self.assertEqual(self.prometheus.query("up"), [1]), within=30)
        before = self.server.process.resident_kib()
        attack = attack(self.server.address)
        self.addCleanup(attack.stop)
        start = time.time()
        attack.run(SECONDS)
        passed = int(time.time() - start)
        [lowest] = self.prometheus.query(f"min_over_time(up[{passed}s])")
        self.assertEqual(lowest, 1)
        [scrapes] = self.prometheus.query(f"count_over_time(up[{passed}s])")
        self.assertGreaterEqual(scrapes, passed - 2)
        # Pages that lost their places are freed: what remains are the buffers of connections.
        grown = self.server.process.resident_kib() - before
        print(f"{scrapes:.0f} scrapes, {grown} KiB more", end=" ... ", flush=True)
        self.assertLess(grown, 100 * 1024)
        [refused] = self.prometheus.query('app_scrapes_refused_total{reason="too_many"}')
        self.assertEqual(refused, 0)
        [stalled] = self.prometheus.query('app_scrapes_refused_total{reason="stalled"}')
        self.assertGreater(stalled, 0)


class DeclaredSizes(Attacked):
    SUM = 'app_request_size_bytes_sum{endpoint="/echo"}'
    RECIPES = (
        ("content-length: 18446744073709551613", b"abc"),
        ("content-length: 9223372036854775807", b"abc"),
        ("transfer-encoding: chunked", b"7ffffffffffffff0\r\nabc"),
        ("transfer-encoding: chunked", b"3\r\nabc\r\n"),
    )

    def test_declared_sizes_do_not_bend_the_sum(self):
        sent = 0
        for _ in range(3):
            for head, body in self.RECIPES:
                declare_and_close(self.server.address, "/echo", head, body)
                sent += len(body)
            whole = b"whole body"
            declare_and_close(self.server.address, "/echo", f"content-length: {len(whole)}", whole)
            sent += len(whole)
            requests = self.server.page().sum("app_http_requests_total", endpoint="/echo")
            self.assertGreater(requests, 0)
            page = self.server.page()
            self.assertLessEqual(page.sum("app_request_size_bytes_sum", endpoint="/echo"), sent)
            self._await_scrape(requests)
        [highest] = self.prometheus.query(f"max_over_time({self.SUM}[1m])")
        self.assertLessEqual(highest, sent)
        # `resets` counts how often the value fell.
        self.assertEqual(self.prometheus.query(f"resets({self.SUM}[1m])"), [0])
        [last] = self.prometheus.query(self.SUM)
        self.assertGreaterEqual(last, 3 * len(b"whole body"))

    def _await_scrape(self, requests):
        """Waits until Prometheus has the numbers after this many requests."""

        def scraped():
            [seen] = self.prometheus.query('sum(app_http_requests_total{endpoint="/echo"})') or [0]
            self.assertGreaterEqual(seen, requests)

        eventually(scraped, within=10)
