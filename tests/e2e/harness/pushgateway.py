"""A real Pushgateway."""

import os
import tempfile

from harness.page import Page
from harness.server import Server


class Pushgateway:
    """A running gateway that keeps nothing when it stops."""

    def __init__(self, program):
        self._own = tempfile.TemporaryDirectory(prefix="e2e-pushgateway-")
        log_path = os.path.join(self._own.name, "log")

        def command(address):
            return [program, f"--web.listen-address={address}"]

        try:
            self._server = Server(command, "/-/ready", log_path)
        except BaseException:
            self._own.cleanup()
            raise

    @property
    def url(self):
        return f"http://{self._server.address}"

    def page(self):
        """What it has been given."""
        status, body = self._server.get("/metrics")
        assert status == 200, body
        return Page(body.decode())

    def stop(self):
        try:
            self._server.stop()
        finally:
            self._own.cleanup()
