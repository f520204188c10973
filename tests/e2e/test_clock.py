"""The wall clock jumps back and forth by an hour while requests and streams run.

libfaketime changes the clock of the server. CLOCK_SECONDS is the length of each run; the default is
eight seconds.
"""

import os
import random
import threading

from harness import recipes
from harness.case import SkipReportingTest
from harness.fake_clock import FakeClock
from harness.fault_server import FaultServer
from harness.identities import broken_histograms, broken_identities
from harness.polling import eventually

SECONDS = float(os.environ.get("CLOCK_SECONDS", "8"))
# Seconds that the clock is off.
JUMPS = [-3600, 0, 3600]
# The most that a clock which jumps can add to a duration.
FARTHEST = max(JUMPS) - min(JUMPS)
# Paths that need no timer. Timers of tokio follow the monotonic clock.
WITHOUT_TIMERS = [
    "/ok", "/items/7", "/bytes?n=100000&chunks=10", "/err?status=503", "/fail?kind=c", "/panic",
    "/sse?n=5", "/stream?n=50", "/stream-err?at=2", "/stream-panic?at=2",
    "/tokens?input=1&output=2", "/tokens-spawned", "/tokens-stream", "/nowhere",
]


class Clock(SkipReportingTest):
    def setUp(self):
        self.clock = FakeClock(self)

    def test_wall_clock_that_jumps_changes_no_duration(self):
        server = self._server(FAKETIME_DONT_FAKE_MONOTONIC="1")
        page = self._run(server, [*WITHOUT_TIMERS, "/slow?ms=200", "/stream?n=20&ms=10"])
        self.assertEqual(broken_histograms(page, SECONDS + 30), [])
        slow = {"endpoint": "/slow", "outcome": "success"}
        count = page.sum("app_http_request_duration_seconds_count", **slow)
        mean = page.sum("app_http_request_duration_seconds_sum", **slow) / count
        self.assertGreaterEqual(mean, 0.2)
        self.assertLess(mean, 5)

    def test_monotonic_clock_that_jumps_records_no_absurd_duration(self):
        server = self._server()
        page = self._run(server, WITHOUT_TIMERS)
        self.assertEqual(broken_histograms(page, FARTHEST + SECONDS + 30), [])

    def _server(self, **environment):
        server = FaultServer(environment={**self.clock.environment, **environment})
        self.addCleanup(server.stop)
        return server

    def _run(self, server, paths):
        """Sends requests while the clock jumps, and returns the page at rest."""
        over = threading.Event()
        complete = []

        def ask(address):
            recipes.request(address, "GET", random.choice(paths))

        def work():
            complete.append(recipes.repeat(ask, server.address, over))

        threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(int(SECONDS / 0.2)):
            self.clock.jump(random.choice(JUMPS))
            over.wait(0.2)
        over.set()
        for thread in threads:
            thread.join(30)
        self.clock.jump(0)
        print(f"{sum(complete)} requests", end=" ... ", flush=True)
        self.assertGreater(sum(complete), SECONDS * 10)

        def at_rest():
            page = server.page()
            self.assertEqual(broken_identities(page), [])
            return page

        page = eventually(at_rest, within=30)
        # Every panic is one that the handlers make on purpose.
        panicked = page.by("endpoint", "app_http_requests_total", outcome="panic")
        self.assertEqual(panicked.keys(), {"/panic", "/stream-panic"})
        return page
