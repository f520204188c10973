"""All faults at once, against a server of every outcome and a proxy with a failing upstream.

A real Prometheus watches. At rest, the numbers must agree with each other, and none of them may
have fallen. Runs for thirty seconds by default, for ten minutes with ALL_FAULTS_SECONDS=600.
"""

import os
import statistics
import threading

from harness import recipes
from harness.case import SkipReportingTest
from harness.fault_server import FaultServer
from harness.faulty_upstream import FaultyUpstream
from harness.gateway import QuietGateway
from harness.identities import METHODS, broken_histograms, broken_identities, counters
from harness.load import Load
from harness.polling import eventually
from harness.prometheus import Prometheus

SECONDS = int(os.environ.get("ALL_FAULTS_SECONDS", "30"))
# Nothing that a client sends may create more series than these, of about a thousand.
MAX_SAMPLES = 20_000
# Values of a bounded label: the first 100, `other` and the empty value.
MAX_VALUES = 102
# The memory that may be added in the second half of a run, in KiB.
SLACK = 16 * 1024


class AllFaults(SkipReportingTest):
    def setUp(self):
        program = self.program("prometheus")
        self.faults = FaultServer()
        self.addCleanup(self.faults.stop)
        model = QuietGateway("--pace", "2")
        self.addCleanup(model.stop)
        upstream = FaultyUpstream(model, slow=3)
        self.addCleanup(upstream.stop)
        options = ["--upstream", upstream.url, "--upstream", model.url, "--timeout", "2"]
        self.proxy = QuietGateway(*options)
        self.addCleanup(self.proxy.stop)
        self.servers = {"faults": self.faults, "proxy": self.proxy}
        self.prometheus = Prometheus(
            program, self.faults.address, further_targets=[self.proxy.address]
        )
        self.addCleanup(self.prometheus.stop)

    def test_all_faults_at_once_leave_numbers_that_agree(self):
        eventually(lambda: self.assertEqual(self.prometheus.query("up"), [1, 1]), within=30)
        resident = {name: [] for name in self.servers}
        seconds, complete = self._attack(resident)
        print(f"{seconds} s: {complete}", end=" ... ", flush=True)
        self.assertEqual([name for name, times in complete.items() if not times], [])
        for name, server in self.servers.items():
            page = self._page_at_rest(server)
            with self.subTest(f"{name}: identities"):
                self.assertEqual(broken_identities(page), [])
            with self.subTest(f"{name}: histograms"):
                self.assertEqual(broken_histograms(page, seconds + 5), [])
            with self.subTest(f"{name}: labels are bounded"):
                self._assert_bounded(page)
            with self.subTest(f"{name}: the metrics page is not counted"):
                self.assertEqual(page.series("app_http_requests_total", endpoint="/metrics"), [])
            with self.subTest(f"{name}: no counter falls"):
                self._assert_monotone(page, server, seconds)
            with self.subTest(f"{name}: is up at every second"):
                up = f'min_over_time(up{{instance="{server.address}"}}[{seconds}s])'
                self.assertEqual(self.prometheus.query(up), [1])
            with self.subTest(f"{name}: memory is bounded"):
                self._assert_memory_is_bounded(resident[name])

    def _attack(self, resident):
        """Runs all recipes at once. Returns the seconds, and how often each recipe was complete."""
        over = threading.Event()
        complete = {}

        def work(recipe, server):
            name = f"{server}:{recipe.__name__}"
            complete[name] = 0
            complete[name] = recipes.repeat(recipe, self.servers[server].address, over)

        every = {"faults": recipes.FAULT_SERVER, "proxy": recipes.GATEWAY}
        threads = [
            threading.Thread(target=work, args=(recipe, server), daemon=True)
            for server in every
            for recipe in every[server]
        ]
        load = Load(self.faults.address, SECONDS, cut=SECONDS * 8)
        for thread in threads:
            thread.start()

        def measure():
            for name, server in self.servers.items():
                resident[name].append(server.process.resident_kib())

        seconds = load.run(measure)
        over.set()
        for thread in threads:
            thread.join(30)
            self.assertFalse(thread.is_alive(), "a recipe does not end")
        self.assertEqual(load.failures, [])
        return seconds, complete

    def _page_at_rest(self, server):
        """Returns the page once no request and no stream is active, or the last page."""

        def page_at_rest():
            page = server.page()
            active = page.sum("app_active_requests") + page.sum("app_active_streams")
            self.assertEqual(active, 0)
            return page

        try:
            return eventually(page_at_rest, within=30)
        except AssertionError:
            # The identities say which endpoints are active.
            return server.page()

    def _assert_bounded(self, page):
        self.assertLess(page.samples(), MAX_SAMPLES)
        self.assertLessEqual(page.label_values("method"), METHODS)
        for label in ("endpoint", "model", "provider", "exception_type", "status", "family"):
            self.assertLessEqual(len(page.label_values(label)), MAX_VALUES, label)

    def _assert_monotone(self, page, server, seconds):
        """Asserts that Prometheus has seen no counter fall, and no histogram contradict itself."""
        fallen, contradictory = [], []
        instance = f'instance="{server.address}"'
        for name in counters(page):
            # More than the run, so that the scrapes at rest are included.
            resets = f"max(resets({name}{{{instance}}}[{seconds + 60}s]))"
            if self.prometheus.query(resets) not in ([], [0]):
                fallen.append(name)
            if name.endswith("_count"):
                bucket = f'{name.removesuffix("_count")}_bucket{{{instance},le="+Inf"}}'
                difference = (
                    f"max(max_over_time(abs({bucket} - ignoring(le) {name}{{{instance}}})"
                    f"[{seconds}s:1s]))"
                )
                if self.prometheus.query(difference) not in ([], [0]):
                    contradictory.append(name)
        self.assertEqual((fallen, contradictory), ([], []))

    def _assert_memory_is_bounded(self, resident):
        half = len(resident) // 2
        quarter = len(resident) // 4
        middle = statistics.median(resident[quarter:half])
        last = statistics.median(resident[-quarter:])
        self.assertLess(last, middle * 1.1 + SLACK, f"KiB each second: {resident}")
