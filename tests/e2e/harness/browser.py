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
        self._session = None
        self._console = []

    def stop(self):
        os.close(self._commands)
        os.close(self._events)
        self._process.stop()
        eventually(self._remove_profile)

    def render(self, url, size, is_ready, picture=None):
        """Opens a page in a window of this width and height, until a JavaScript condition holds.

        With `picture`, saves a screenshot of the element `root` to this file.
        """
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        session = self._session = attached["sessionId"]
        self._console = []
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable", session)
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", session, **metrics)
        self._call("Page.navigate", session, url=url)
        deadline = time.monotonic() + PAGE_TIMEOUT
        while not self._evaluate(session, is_ready) and time.monotonic() < deadline:
            time.sleep(0.2)
        self._evaluate(session, IDLE)
        if picture:
            self._save_screenshot(session, width, picture)
        dom = self._evaluate(session, "document.documentElement.outerHTML")
        self._call("Target.closeTarget", targetId=target)
        return RenderedPage(dom, self._console)

    def _remove_profile(self):
        """Removes the profile, to which Chromium's child processes may still write."""
        shutil.rmtree(self._profile, ignore_errors=True)
        assert not os.path.exists(self._profile), self._profile

    def _save_screenshot(self, session, width, path):
        height = self._evaluate(session, HEIGHT)
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self._call("Page.captureScreenshot", session, clip=clip)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def _evaluate(self, session, expression):
        options = {"returnByValue": True, "awaitPromise": True}
        result = self._call("Runtime.evaluate", session, expression=expression, **options)
        return result["result"].get("value")

    def _call(self, method, session=None, **parameters):
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
            if message.get("sessionId") == self._session:
                self._note(message)

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

    def _note(self, message):
        """Keeps the text of an event that is a message on the console or an exception."""
        parameters = message.get("params", {})
        if message.get("method") == "Runtime.consoleAPICalled":
            texts = [item.get("value", item.get("description")) for item in parameters["args"]]
            self._console.append(" ".join(map(str, texts)))
        elif message.get("method") == "Runtime.exceptionThrown":
            self._console.append(json.dumps(parameters["exceptionDetails"]))
        elif message.get("method") == "Log.entryAdded":
            self._console.append(parameters["entry"]["text"])
