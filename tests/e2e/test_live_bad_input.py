"""The live page with label values that look like markup, many endpoints, and clocks that jump."""

from harness.fake_clock import FakeClock
from harness.fault_server import FaultServer
from harness.live_page import LivePageTest, admit_viewer, get_all, number, read_all
from harness.polling import eventually

LABELS = [
    "<script>alert('script')</script>",
    "<img src=x onerror=alert('image')>",
    "\"><svg onload=alert('svg')>",
    "' onclick='alert(1)' x='",
    "&amp; &lt;b&gt; & \\u003cb\\u003e",
    # Right-to-left text, and marks that change the direction of what follows.
    "מודל־עברית ١٢٣",
    "left \u202eright\u202c \u2067isolated",
    # A family of four is one glyph; the text has the 128 bytes that are allowed.
    "👨‍👩‍👧‍👦" * 5 + "xxx",
    # Names that the page could confuse with its own.
    "…",
    "__proto__",
    "constructor",
]
# Values that the page must not take for elements.
MARKUP = "document.querySelectorAll('table :is(script, img, svg, b, [onclick])').length"
ENDPOINTS = 4000

# Pushes a reading for each cost of a model, and returns the results.
PUSH_COSTS = """import("/live/history.js").then(({ History }) => {
    const history = new History({ bounds: { request: [1], first: [1] } });
    return %s.map((cost, i) => {
        const calls = [{ provider: "house", model: "small-1", outcomes: { success: i }, cost }];
        return history.push({ uptime_ms: 1000 * (i + 1), calls });
    });
})"""


class Labels(LivePageTest):
    def test_unusual_label_values_are_shown_as_text(self):
        self.assertIn(128, [len(label.encode()) for label in LABELS])
        server = self.started(FaultServer(*(f"--label={label}" for label in LABELS)))
        get_all(server, [f"/labels/{index}/x/x" for index in range(len(LABELS))])
        get_all(server, [f"/labels/{index}/x" for index in range(len(LABELS))])
        page = self.open(server)
        for section in ("request", "stream", "call", "exception"):
            page.tab.evaluate(f"document.querySelector('#{section}-table .more').click()")
        endpoints = self._endpoints()
        self.assertLess(set(endpoints), page.rows("request").keys())
        self.assertEqual(page.rows("stream").keys(), set(LABELS))
        self.assertEqual(page.rows("call").keys(), {(label, label) for label in LABELS})
        exceptions = set(zip(LABELS, endpoints, strict=True))
        self.assertEqual(page.rows("exception").keys(), exceptions)
        for endpoint in endpoints:
            self.assertEqual(page.rows("request")[endpoint]["client-errors"], "100\u202f%")
        for label in LABELS:
            page.filter(label)
            self.assertIn(label, page.rows("stream"))
        self.assertEqual(page.tab.evaluate(MARKUP), 0)
        self.assertEqual(page.tab.console, [])

    def _endpoints(self):
        parameters = [label.replace("/", "}/{") for label in LABELS]
        return [f"/labels/{index}/{{{name}}}" for index, name in enumerate(parameters)]


class ManyEndpoints(LivePageTest):
    def test_page_shows_the_busiest_endpoints_and_the_sum_of_the_others(self):
        server = self.started(FaultServer("--routes", str(ENDPOINTS)))
        paths = [f"/numbered/{index:04}" for index in range(ENDPOINTS)]
        busy = paths[1000:1150]
        get_all(server, paths + busy)
        viewer = admit_viewer(self, server)
        read_all([viewer], 1.5)
        self.assertLess(len(viewer.readings[-1][1]), 100_000)

        page = self.open(server, size=(1400, 9000))
        self.assertEqual(page.total(), len(paths + busy))
        page.click("#request-table .more")
        rows = page.rows("request")
        self.assertEqual(len(rows), 201)
        *shown, summed = rows
        self.assertLess(set(busy), set(shown))
        self.assertEqual(summed, f"… {ENDPOINTS - 200:,} other endpoints")
        total = sum(number(row["total"]) for row in rows.values())
        self.assertEqual(total, len(paths + busy))

        # Each key press of a filter is drawn soon, on machines that do other things, too.
        self.assertLess(page.filter("/numbered/107"), 5)
        self.assertEqual(page.rows("request").keys(), {f"/numbered/107{last}" for last in range(10)})
        self.assertEqual(page.total(), 20)
        self.assertLess(page.filter(""), 5)
        page.sort("request", "endpoint")
        self.assertEqual(list(page.rows("request"))[-1], summed)
        self.assertEqual(page.tab.console, [])


class Costs(LivePageTest):
    def test_model_that_gets_a_price_is_no_restart(self):
        page = self.open(self.started(FaultServer()))
        pushed = page.tab.evaluate(PUSH_COSTS % "[5, 6, 0.01, 0.02]")
        self.assertEqual(pushed, ["added"] * 4)
        self.assertEqual(page.tab.console, [])


class Clocks(LivePageTest):
    def test_browser_clock_that_jumps_changes_no_number(self):
        server = self.started(FaultServer())
        get_all(server, ["/ok"] * 10)
        shift = """
            window.offset = 0;
            const now = Date.now;
            Date = class extends Date {
                constructor(...parts) { super(...(parts.length ? parts : [Date.now()])); }
                static now() { return now() + offset; }
            };"""
        page = self.open(server, script=shift)
        for hours in (1, -1, 0):
            page.tab.evaluate(f"offset = {hours} * 3600 * 1000")
            page.await_reading(seconds=1)
            self._check(page)
        self.assertEqual(page.tab.console, [])

    def test_wall_clock_of_the_server_that_jumps_changes_no_number(self):
        clock = FakeClock(self, FAKETIME_DONT_FAKE_MONOTONIC="1")
        server = self.started(FaultServer(environment=clock.environment))
        get_all(server, ["/ok"] * 10)
        page = self.open(server)
        for hours in (1, -1, 0):
            clock.jump(hours * 3600)
            page.await_reading(seconds=1)
            self._check(page)
        self.assertEqual(page.tab.console, [])

    def test_windows_leave_out_what_is_older(self):
        clock = FakeClock(self)
        server = self.started(FaultServer(environment=clock.environment))
        get_all(server, ["/ok"] * 10)
        page = self.open(server)
        self.assertEqual(self._by_window(page), {10: 10, 60: 10, 300: 10})
        # The monotonic clock jumps, too: the server seems to run for so long.
        for jump, expected in (
            (20, {10: 0, 60: 10, 300: 10}),
            (80, {10: 0, 60: 0, 300: 10}),
            (320, {10: 0, 60: 0, 300: 0}),
        ):
            clock.jump(jump)
            page.await_reading(seconds=10)
            page.await_reading()
            self.assertEqual(self._by_window(page), expected)
        get_all(server, ["/ok"] * 2)
        page.await_reading(seconds=1)
        self.assertEqual(self._by_window(page), {10: 2, 60: 2, 300: 2})
        self.assertEqual(page.notices(), [])

    def _by_window(self, page):
        """Returns the number of requests in the table and in the overview for each window."""
        found = {}
        for seconds in (10, 60, 300):
            page.choose_window(seconds)
            found[seconds] = number(page.rows("request")["/ok"]["total"])
            detail = page.tiles()["Requests/s"][1].splitlines()[0]
            self.assertEqual(detail, f"{found[seconds]:.0f} requests")
        return found

    def _check(self, page):
        def check():
            self.assertEqual(page.state(), "live")
            rate = number(page.tiles()["Requests/s"][0])
            self.assertAlmostEqual(rate, 10 / page.uptime(), delta=0.02 * rate + 0.01)

        eventually(check)
        self.assertLess(page.uptime(), 120)
        self.assertEqual((page.total(), page.notices()), (10, []))
