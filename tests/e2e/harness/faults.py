"""The server of faults, as a process on a port of its own."""

import os
import select
import subprocess

from harness.judge import judged
from harness.page import Page
from harness.process import Process

GREETING = "listening on http://"


class FaultServer:
    """A running server, whose counters all start from nothing."""

    def __init__(self, *options):
        try:
            program = os.environ["FAULT_SERVER"]
        except KeyError:
            raise RuntimeError("FAULT_SERVER does not name the binary: use tests/e2e/run") from None
        self.process = Process(
            [program, "--listen", "127.0.0.1:0", *options],
            stdout=subprocess.PIPE,
            # It tells of each panic.
            stderr=subprocess.DEVNULL,
        )
        readable, _, _ = select.select([self.process.stdout], [], [], 30)
        line = self.process.stdout.readline().decode().strip() if readable else ""
        if not line.startswith(GREETING):
            self.process.stop()
            raise AssertionError(f"the server did not say where it listens, but {line!r}")
        self.address = line.removeprefix(GREETING)

    def page(self):
        """The metrics as they are now."""
        return Page(judged(self))

    def stop(self):
        return self.process.stop()
