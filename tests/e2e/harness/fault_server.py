"""The fault server as a process."""

import os
import select
import subprocess

from harness.format_checks import checked_page
from harness.page import Page
from harness.process import Process

GREETING = "listening on http://"


class FaultServer:
    """A running fault server whose counters start at zero."""

    def __init__(self, *options, environment=None):
        """Starts the server with these options and additional environment variables."""
        try:
            program = os.environ["FAULT_SERVER"]
        except KeyError:
            raise RuntimeError("FAULT_SERVER does not name the binary: use tests/e2e/run") from None
        self.process = Process(
            [program, "--listen", "127.0.0.1:0", *options],
            stdout=subprocess.PIPE,
            # Every intended panic is printed to stderr.
            stderr=subprocess.DEVNULL,
            # A backtrace takes longer than everything else that an intended panic does.
            env={**os.environ, "RUST_BACKTRACE": "0", **(environment or {})},
        )
        readable, _, _ = select.select([self.process.stdout], [], [], 30)
        line = self.process.stdout.readline().decode().strip() if readable else ""
        if not line.startswith(GREETING):
            self.process.stop()
            raise AssertionError(f"the server printed {line!r} instead of its address")
        self.address = line.removeprefix(GREETING)

    def page(self):
        """Scrapes and checks the current page."""
        return Page(checked_page(self))

    def stop(self):
        return self.process.stop()
