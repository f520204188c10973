"""A real Prometheus scrapes every second while clients and handlers fail in every way."""

from harness.case import SkipReportingTest
from harness.fault_server import FaultServer
from harness.load import Load
from harness.polling import eventually
from harness.prometheus import Prometheus

SECONDS = 120
# The number of scrapes that are aborted before the page arrives.
ABORTED_SCRAPES = 1_000


class ScrapesUnderLoad(SkipReportingTest):
    def setUp(self):
        program = self.program("prometheus")
        self.server = FaultServer()
        self.addCleanup(self.server.stop)
        self.prometheus = Prometheus(program, self.server.address)
        self.addCleanup(self.prometheus.stop)

    def test_scrape_succeeds_every_second(self):
        eventually(lambda: self.assertEqual(self.prometheus.query("up"), [1]), within=30)
        load = Load(self.server.address, SECONDS, ABORTED_SCRAPES)
        seconds = load.run()
        self.assertEqual(load.failures, [])
        self.assertEqual(load.aborted_scrapes, ABORTED_SCRAPES)
        [lowest] = self.prometheus.query(f"min_over_time(up[{seconds}s])")
        self.assertEqual(lowest, 1)
        [scrapes] = self.prometheus.query(f"count_over_time(up[{seconds}s])")
        self.assertGreaterEqual(scrapes, seconds * 0.95)
        # The difference between last bucket and count, of every histogram at every second.
        differences = self.prometheus.query(
            f'max_over_time(abs(app_http_request_duration_seconds_bucket{{le="+Inf"}}'
            f" - ignoring(le) app_http_request_duration_seconds_count)[{seconds}s:1s])"
        )
        self.assertGreater(len(differences), 10)
        self.assertEqual(set(differences), {0})
        requests = load.requests()
        print(f"{scrapes:.0f} scrapes, {requests} requests", end=" ... ", flush=True)
        self.assertGreater(requests, SECONDS * 10)

        def at_rest():
            page = self.server.page()
            self.assertEqual(page.by("endpoint", "app_active_requests"), {})
            self.assertEqual(page.by("endpoint", "app_active_streams"), {})

        eventually(at_rest, within=30)
