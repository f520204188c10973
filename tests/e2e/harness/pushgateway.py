"""A real Pushgateway."""

import os
import tempfile

from harness.page import Page
from harness.server import Server


class Pushgateway:
    """A running Pushgateway without persistent storage."""

    def __init__(self, program):
        self._directory = tempfile.TemporaryDirectory(prefix="e2e-pushgateway-")
        log_path = os.path.join(self._directory.name, "log")

        def command(address):
            return [program, f"--web.listen-address={address}"]

        try:
            self._server = Server(command, "/-/ready", log_path)
        except BaseException:
            self._directory.cleanup()
            raise

    @property
    def url(self):
        return f"http://{self._server.address}"

    def page(self):
        """Scrapes the pushed metrics."""
        status, body = self._server.get("/metrics")
        assert status == 200, body
        return Page(body.decode())

    def stop(self):
        try:
            self._server.stop()
        finally:
            self._directory.cleanup()
