"""The live page as people see it: on wide screens and phones, light and dark, with screen readers.

With LIVE_SCREENSHOTS, saves screenshots to this directory.
"""

import itertools
import os

from harness.gateway_traffic import GatewayTraffic
from harness.live_page import LivePageTest
from harness.polling import eventually

DIRECTORY = os.environ.get("LIVE_SCREENSHOTS", "")
# Widths of windows, and whether they are those of phones and tablets.
WINDOWS = {
    "desktop": (1280, False),
    "tablet": (768, True),
    "phone": (390, True),
    "small-phone": (320, True),
}
# The windows are higher than the page: charts out of view are not drawn.
HEIGHT = 8000
WIDTHS = """(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth])(
    document.scrollingElement)"""
# Elements that reach beyond the window, apart from those in regions that scroll.
WIDE = """[...document.querySelectorAll("body *")]
    .filter((element) => !element.closest(".scroll, thead, .unseen, .skip, .windows")
        && element.getBoundingClientRect().right > innerWidth + 0.5)
    .map((element) => `${element.localName}.${element.className}`)"""
# What a screen reader says about each chart.
DESCRIPTIONS = """[...document.querySelectorAll("canvas")]
    .map((canvas) => canvas.getAttribute("aria-label"))"""
# The violations that make a part of the page unusable for somebody.
AXE = """axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
    violations.filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, nodes }) => `${id}: ${nodes[0].html} ${nodes[0].failureSummary}`))"""


class Layout(LivePageTest):
    def setUp(self):
        super().setUp()
        traffic = self.started(GatewayTraffic(clients=4, pause=0.05, pace=2, slow=1))
        self.page = self.open(traffic.gateway)
        eventually(self._check_traffic, within=30)
        # So that the charts have lines.
        self.page.await_reading(seconds=2)

    def test_page_fits_into_windows_of_all_widths(self):
        for window, dark in itertools.product(WINDOWS, (False, True)):
            with self.subTest(window, dark=dark):
                self._change(window, dark)
                scrolled, width = self.page.tab.evaluate(WIDTHS)
                self.assertEqual(scrolled, width)
                self.assertEqual(self.page.tab.evaluate(WIDE), [])
                height = self.page.tab.evaluate("document.body.getBoundingClientRect().height")
                self.assertLess(height, HEIGHT)
                if DIRECTORY:
                    name = f"{window}-dark.png" if dark else f"{window}.png"
                    self.page.tab.save_screenshot(os.path.join(DIRECTORY, name), height)
        self.assertEqual(self.page.tab.console, [])

    def test_page_is_accessible(self):
        path = os.path.join(self.javascript_packages(), "axe-core", "axe.min.js")
        with open(path) as file:
            self.page.tab.evaluate(file.read())
        for window, dark in itertools.product(("desktop", "phone"), (False, True)):
            with self.subTest(window, dark=dark):
                self._change(window, dark)
                self.assertEqual(self.page.tab.evaluate(AXE), [])
                for text in self.page.tab.evaluate(DESCRIPTIONS):
                    self.assertGreater(len(text or ""), 8, text)

    def _change(self, window, dark):
        """Changes the size of the window and the scheme, and waits until the page is drawn."""
        width, mobile = WINDOWS[window]
        self.page.tab.emulate((width, HEIGHT), dark, mobile)
        self.page.await_reading()

    def _check_traffic(self):
        self.assertGreater(self.page.total(), 30)
        for section in ("request", "stream", "call"):
            self.assertGreater(len(self.page.rows(section)), 0, section)
