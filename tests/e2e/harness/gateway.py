"""The real gateway, as a process on a port of its own."""

import os
import select
import subprocess

from harness.judge import judged
from harness.page import Page
from harness.process import Process

GREETING = "listening on "


def program():
    """The path of the binary."""
    try:
        return os.environ["LLM_GATEWAY"]
    except KeyError:
        raise RuntimeError("LLM_GATEWAY does not name the binary: use tests/e2e/run") from None


class Gateway:
    """A running gateway, whose counters all start from nothing."""

    def __init__(self, *options):
        """Starts it with these options of its command line."""
        self.process = Process(
            [program(), "--listen", "127.0.0.1:0", *options], stdout=subprocess.PIPE
        )
        try:
            self.url = self._read_url(within=30)
        except BaseException:
            self.process.stop()
            raise
        self.address = self.url.removeprefix("http://")

    def stop(self):
        return self.process.stop()

    def page(self):
        """The metrics as they are now."""
        return Page(judged(self))

    def _read_url(self, within):
        readable, _, _ = select.select([self.process.stdout], [], [], within)
        line = self.process.stdout.readline().decode().strip() if readable else ""
        if not line.startswith(f"{GREETING}http://"):
            raise AssertionError(f"the gateway did not say where it listens, but {line!r}")
        return line.removeprefix(GREETING)
