"""A real node-exporter with only its textfile collector."""

import os
import tempfile

from harness.page import Page
from harness.server import Server


class NodeExporter:
    """A running node-exporter."""

    def __init__(self, program, directory):
        """Starts `program`, which reads the files of `directory` on each scrape."""
        self._directory = tempfile.TemporaryDirectory(prefix="e2e-node-exporter-")
        self._log_path = os.path.join(self._directory.name, "log")

        def command(address):
            return [
                program,
                "--collector.disable-defaults",
                "--collector.textfile",
                f"--collector.textfile.directory={directory}",
                f"--web.listen-address={address}",
            ]

        try:
            self._server = Server(command, "/", self._log_path)
        except BaseException:
            self._directory.cleanup()
            raise

    @property
    def address(self):
        return self._server.address

    def page(self):
        """Scrapes the current page."""
        status, body = self._server.get("/metrics")
        assert status == 200, body
        return Page(body.decode())

    def log(self):
        """Returns the log so far."""
        with open(self._log_path, errors="replace") as log:
            return log.read()

    def stop(self):
        try:
            self._server.stop()
        finally:
            self._directory.cleanup()
