"""The pictures of the live page in README and guide; see .ci/live_pictures.

With LIVE_PICTURES=directory, the test saves them to this directory. Without, it is skipped.
"""

import json
import os
import time
import unittest
from dataclasses import dataclass

from harness.browser import IDLE, Browser
from harness.case import SkipReportingTest
from harness.gateway_traffic import GatewayTraffic

DIRECTORY = os.environ.get("LIVE_PICTURES", "")
# The page keeps five minutes, and only while it is open.
SECONDS = int(os.environ.get("LIVE_SECONDS", "330"))
# The text that changes whenever the page is drawn.
UPTIME = "document.getElementById('uptime').textContent"
# Pixels around the elements of a picture.
MARGIN = 14


@dataclass
class Picture:
    """A part of the page: from its top or an element to the end of another one, by their ids.

    The window is taller than the page, because rows of tables are only updated while they are in
    view.
    """

    size: tuple
    first: str = ""
    last: str = ""
    # Instead of the last element.
    height: int = 0
    dark: bool = False
    mobile: bool = False
    scale: int = 1

    def save(self, tab, path):
        top = tab.evaluate(edge(self.first, "top")) - MARGIN if self.first else 0
        bottom = tab.evaluate(edge(self.last, "bottom")) + MARGIN if self.last else top + self.height
        tab.save_screenshot(path, bottom - top, top)


def edge(element, side):
    return f"document.getElementById('{element}').getBoundingClientRect().{side}"


PICTURES = {
    # Narrower than most windows, because GitHub shows pictures less than 900 pixels wide, and with
    # twice the pixels, so that the text is sharp.
    "live": Picture((1080, 2600), last="stream-table", scale=2),
    "live-dark": Picture((1120, 2600), first="calls", last="exceptions", dark=True, scale=2),
    "live-phone": Picture((390, 6400), height=844, mobile=True),
    "live-phone-dark": Picture(
        (390, 6400), first="request-table", height=844, dark=True, mobile=True
    ),
}


@unittest.skipUnless(DIRECTORY, "only for the pictures of the live page")
class LivePictures(SkipReportingTest):
    def test_pictures(self):
        browser = Browser(self.program("chromium"))
        self.addCleanup(browser.stop)
        traffic = GatewayTraffic(clients=8, pause=0.4, pace=15, slow=1.5)
        self.addCleanup(traffic.stop)
        tabs = {}
        for name, picture in PICTURES.items():
            options = {key: getattr(picture, key) for key in ("dark", "mobile", "scale")}
            tabs[name] = browser.open(f"{traffic.gateway.url}/live/", picture.size, **options)
        time.sleep(SECONDS)
        for name, tab in tabs.items():
            with self.subTest(name):
                tab.bring_to_front()
                # The first drawing finds what is in view, and the second one draws that.
                for _ in range(2):
                    drawn = json.dumps(tab.evaluate(UPTIME))
                    self.assertTrue(tab.wait_until(f"{UPTIME} !== {drawn}"))
                tab.evaluate(IDLE)
                height = tab.evaluate("document.documentElement.scrollHeight")
                self.assertLessEqual(height, PICTURES[name].size[1], "the window is too small")
                PICTURES[name].save(tab, os.path.join(DIRECTORY, f"{name}.png"))
                self.assertEqual(tab.console, [])
