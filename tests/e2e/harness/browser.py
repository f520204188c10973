"""Pages in a headless Chromium, which is controlled over its DevTools protocol."""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass

from harness.polling import eventually
from harness.process import Process

# Starts the command in the other arguments with pipes from and to the tests as the file descriptors
# 3 and 4, where Chromium expects them.
START = 'read=$0 write=$1; shift; exec nice -n 10 "$@" 3<&"$read" 4>&"$write"'
OPTIONS = [
    "--headless",
    "--remote-debugging-pipe",
    # Chromium refuses to run as root with a sandbox; it opens only pages of the tests.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-first-run",
]
# Seconds for one command, and for a page to become ready: other tests run at the same time.
COMMAND_TIMEOUT = 60
PAGE_TIMEOUT = 120
# A promise that is kept when the scripts have nothing to do.
# The virtual code of each key, and the text that it enters.
KEYS = {
    "Tab": (9, ""),
    "Enter": (13, "\r"),
    " ": (32, " "),
    "ArrowLeft": (37, ""),
    "ArrowRight": (39, ""),
}
IDLE = "new Promise(done => requestIdleCallback(() => requestIdleCallback(done)))"
HEIGHT = "document.getElementById('root').getBoundingClientRect().bottom"


@dataclass
class RenderedPage:
    """What a page has become after its scripts have run."""

    dom: str
    # The messages on its console, and exceptions that no script has caught.
    console: list


class Browser:
    """A running Chromium without a window."""

    def __init__(self, chromium):
        self._profile = tempfile.mkdtemp(prefix="e2e-chromium-")
        command_reader, self._commands = os.pipe()
        self._events, event_writer = os.pipe()
        ends = (command_reader, event_writer)
        profile = f"--user-data-dir={self._profile}"
        try:
            self._process = Process(
                ["bash", "-c", START, *map(str, ends), chromium, *OPTIONS, profile],
                pass_fds=ends,
                # Warnings about the machine, such as that it has no message bus.
                stderr=subprocess.DEVNULL,
            )
        finally:
            for end in ends:
                os.close(end)
        self._received = b""
        self._number = 0
        # By the session of each.
        self._tabs = {}

    def stop(self):
        os.close(self._commands)
        os.close(self._events)
        self._process.stop()
        eventually(self._remove_profile)

    def open(self, url, size, dark=False, mobile=False, scale=1, script=None):
        """Opens a page in a new tab, whose window has this width and height.

        Screenshots have `scale` times as many pixels. A script runs before those of the page.
        """
        return Tab(self, url, script, size, dark, mobile, scale)

    def render(self, url, size, is_ready, picture=None):
        """Opens a page in a window of this width and height, until a JavaScript condition holds.

        With `picture`, saves a screenshot of the element `root` to this file.
        """
        tab = self.open(url, size)
        tab.wait_until(is_ready)
        tab.evaluate(IDLE)
        if picture:
            tab.save_screenshot(picture, tab.evaluate(HEIGHT))
        page = RenderedPage(tab.evaluate("document.documentElement.outerHTML"), tab.console)
        tab.close()
        return page

    def _remove_profile(self):
        """Removes the profile, to which Chromium's child processes may still write."""
        shutil.rmtree(self._profile, ignore_errors=True)
        assert not os.path.exists(self._profile), self._profile

    def call(self, method, session=None, **parameters):
        """Sends a command and returns its result."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        deadline = time.monotonic() + COMMAND_TIMEOUT
        while True:
            message = self._receive(deadline)
            if message.get("id") == self._number:
                assert "error" not in message, f"{method}: {message}"
                return message["result"]
            tab = self._tabs.get(message.get("sessionId"))
            if tab:
                tab.note(message)

    def _receive(self, deadline):
        """Returns the next message from Chromium; each ends with a zero byte."""
        while b"\0" not in self._received:
            left = max(0, deadline - time.monotonic())
            readable, _, _ = select.select([self._events], [], [], left)
            data = os.read(self._events, 1 << 20) if readable else b""
            assert data, "Chromium does not reply"
            self._received += data
        message, _, self._received = self._received.partition(b"\0")
        return json.loads(message)

    def add(self, tab, session):
        self._tabs[session] = tab

    def remove(self, session):
        del self._tabs[session]


class Tab:
    """An open page, with the messages on its console."""

    def __init__(self, browser, url, script, *window):
        self.console = []
        self._browser = browser
        self._target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.call("Target.attachToTarget", targetId=self._target, flatten=True)
        self._session = attached["sessionId"]
        browser.add(self, self._session)
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")
        self.emulate(*window)
        if script:
            self._call("Page.addScriptToEvaluateOnNewDocument", source=script)
        self._call("Page.navigate", url=url)

    def close(self):
        self._browser.remove(self._session)
        self._browser.call("Target.closeTarget", targetId=self._target)

    def emulate(self, size, dark=False, mobile=False, scale=1):
        """Changes the window to this width and height, and to a light or dark scheme."""
        self._size = size
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": mobile}
        self._call("Emulation.setDeviceMetricsOverride", **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])

    def evaluate(self, expression):
        """Returns the value of a JavaScript expression, which may be a promise."""
        options = {"returnByValue": True, "awaitPromise": True}
        result = self._call("Runtime.evaluate", expression=expression, **options)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait_until(self, condition, within=PAGE_TIMEOUT):
        """Waits for a JavaScript condition, and returns whether it holds within these seconds."""
        deadline = time.monotonic() + within
        while not self.evaluate(condition):
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.1)
        return True

    def bring_to_front(self):
        """Makes the tab the visible one; the others receive events but do not draw."""
        self._call("Page.bringToFront")

    def press(self, key):
        """Presses and releases a key."""
        code, text = KEYS[key]
        options = {"key": key, "windowsVirtualKeyCode": code}
        self._call("Input.dispatchKeyEvent", type="keyDown", text=text, **options)
        self._call("Input.dispatchKeyEvent", type="keyUp", **options)

    def enter(self, text):
        """Enters a text at the place that has the focus."""
        self._call("Input.insertText", text=text)

    def print_page(self):
        """Prints the page to a file that is not kept."""
        self._call("Page.printToPDF")

    def save_screenshot(self, path, height=None, top=0):
        """Saves a picture of the window, or of the page from `top` on with this height."""
        width, window = self._size
        clip = {"x": 0, "y": top, "width": width, "height": height or window, "scale": 1}
        options = {"clip": clip, "captureBeyondViewport": True}
        shot = self._call("Page.captureScreenshot", **options)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def note(self, message):
        """Keeps the text of an event that is a message on the console or an exception."""
        parameters = message.get("params", {})
        if message.get("method") == "Runtime.consoleAPICalled":
            texts = [item.get("value", item.get("description")) for item in parameters["args"]]
            self.console.append(" ".join(map(str, texts)))
        elif message.get("method") == "Runtime.exceptionThrown":
            self.console.append(json.dumps(parameters["exceptionDetails"]))
        elif message.get("method") == "Log.entryAdded":
            self.console.append(parameters["entry"]["text"])

    def _call(self, method, **parameters):
        return self._browser.call(method, self._session, **parameters)
