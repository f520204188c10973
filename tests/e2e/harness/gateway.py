"""The gateway example as a process."""

import os
import select
import subprocess

from harness import raw
from harness.format_checks import checked_page
from harness.page import Page
from harness.process import Process

GREETING = "listening on "


def program(variable="LLM_GATEWAY"):
    """Returns the path of the binary that this environment variable names."""
    try:
        return os.environ[variable]
    except KeyError:
        raise RuntimeError(f"{variable} does not name the binary: use tests/e2e/run") from None


class Gateway:
    """A running gateway whose counters start at zero."""

    # Where its log lines go: None is the standard error of the tests.
    stderr = None
    # The environment variable that names the binary.
    variable = "LLM_GATEWAY"
    # The path of a health check that is in no metric, if the gateway has one.
    health = "/health"

    def __init__(self, *options, listen="127.0.0.1:0"):
        """Starts the gateway with these command line options."""
        self.process = Process(
            [program(self.variable), "--listen", listen, *options],
            stdout=subprocess.PIPE,
            stderr=self.stderr,
        )
        try:
            self.url = self._read_url(within=30)
            self.address = self.url.removeprefix("http://")
            if self.health:
                # Replies once the model can reply without a wait, which would be part of the
                # durations of the first request.
                raw.get(self, self.health)
        except BaseException:
            self.process.stop()
            raise

    def stop(self):
        return self.process.stop()

    def page(self):
        """Scrapes and checks the current page."""
        return Page(checked_page(self))

    def _read_url(self, within):
        readable, _, _ = select.select([self.process.stdout], [], [], within)
        line = self.process.stdout.readline().decode().strip() if readable else ""
        if not line.startswith(f"{GREETING}http://"):
            raise AssertionError(f"the gateway printed {line!r} instead of its address")
        return line.removeprefix(GREETING)


class QuietGateway(Gateway):
    """A gateway without log lines, for tests with hundreds of intended failures."""

    stderr = subprocess.DEVNULL


class FallbackGateway(Gateway):
    """The example with retries, fallback, prices and tenants."""

    variable = "GATEWAY_FALLBACK"
    health = None
