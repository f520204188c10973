"""A real Prometheus scrapes every second while everything goes wrong that can."""

from harness.case import LoudTest
from harness.faults import FaultServer
from harness.load import Load
from harness.polling import eventually
from harness.prometheus import Prometheus

SECONDS = 120
# Scrapers that do not wait for their page.
CUT = 1_000


class AllAtOnce(LoudTest):
    def setUp(self):
        program = self.program("prometheus")
        self.server = FaultServer()
        self.addCleanup(self.server.stop)
        self.prometheus = Prometheus(program, self.server.address)
        self.addCleanup(self.prometheus.stop)

    def test_it_is_up_for_every_second(self):
        eventually(lambda: self.assertEqual(self.prometheus.query("up"), [1]), within=30)
        load = Load(self.server.address, SECONDS, CUT)
        seconds = load.run()
        self.assertEqual(load.failures, [])
        self.assertEqual(load.has_cut, CUT)
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
        requests = load.requests()
        print(f"{scrapes:.0f} scrapes, {requests} requests", end=" ... ", flush=True)
        self.assertGreater(requests, SECONDS * 10)

        def at_rest():
            page = self.server.page()
            self.assertEqual(page.by("endpoint", "app_active_requests"), {})
            self.assertEqual(page.by("endpoint", "app_active_streams"), {})

        eventually(at_rest, within=30)
