"""A page in a headless Firefox, which is controlled over WebDriver BiDi."""

import glob
import json
import os
import shutil
import subprocess
import tempfile

from harness.polling import eventually
from harness.process import Process

GREETING = "WebDriver BiDi listening on "
# Seconds for the start and for one command: other tests run at the same time.
TIMEOUT = 60


class Firefox:
    """A running Firefox with one page."""

    def __init__(self, program, websocket):
        """Starts the program. `websocket` is the library websocket-client."""
        self.console = []
        self._number = 0
        self._profile = tempfile.mkdtemp(prefix="e2e-firefox-")
        self._socket = None
        self._log = os.path.join(self._profile, "log")
        with open(self._log, "wb") as log:
            self._process = Process(
                [
                    *("nice", "-n", "10", program, "--headless", "--no-remote"),
                    *("--profile", self._profile, "--remote-debugging-port", "0", "about:blank"),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "LD_LIBRARY_PATH": ":".join(_library_directories())},
            )
        try:
            url = f"{eventually(self._read_address, within=TIMEOUT)}/session"
            self._socket = websocket.create_connection(url, timeout=TIMEOUT, suppress_origin=True)
            self._call("session.new", capabilities={})
            self._call("session.subscribe", events=["log.entryAdded"])
            [context] = self._call("browsingContext.getTree")["contexts"]
            self._context = context["context"]
        except BaseException:
            self.stop()
            raise

    def stop(self):
        if self._socket:
            self._socket.close()
        self._process.stop()
        eventually(self._remove_profile)

    def open(self, url):
        self._call("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def evaluate(self, expression):
        """Returns the value of a JavaScript expression that is JSON."""
        result = self._call(
            "script.evaluate",
            expression=f"JSON.stringify({expression})",
            target={"context": self._context},
            awaitPromise=False,
        )
        assert result["type"] == "success", result
        return json.loads(result["result"].get("value", "null"))

    def _call(self, method, **parameters):
        """Sends a command and returns its result; keeps messages on the console meanwhile."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        self._socket.send(json.dumps(command))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == self._number:
                assert message["type"] == "success", f"{method}: {message}"
                return message["result"]
            if message.get("method") == "log.entryAdded":
                self.console.append(message["params"]["text"])

    def _read_address(self):
        """Returns the address that Firefox has printed among its warnings."""
        with open(self._log, errors="replace") as file:
            text = file.read()
        lines = [line for line in text.splitlines(keepends=True) if line.startswith(GREETING)]
        assert lines and lines[0].endswith("\n"), f"Firefox has not started: {text}"
        return lines[0].removeprefix(GREETING).strip()

    def _remove_profile(self):
        shutil.rmtree(self._profile, ignore_errors=True)
        assert not os.path.exists(self._profile), self._profile


def _library_directories():
    """Returns where .ci/run unpacks libraries that the system does not have."""
    unpacked = os.environ.get("DEBIAN_PACKAGES", "")
    return glob.glob(os.path.join(unpacked, "usr/lib/*-linux-gnu")) if unpacked else []
