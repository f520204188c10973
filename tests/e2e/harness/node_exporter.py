"""A real node-exporter that reads the files of a directory, and nothing else."""

import os
import tempfile

from harness.page import Page
from harness.server import Server


class NodeExporter:
    """A running node-exporter."""

    def __init__(self, program, directory):
        """Starts `program`; it will read the files of `directory` at each scrape."""
        self._own = tempfile.TemporaryDirectory(prefix="e2e-node-exporter-")
        self._log_path = os.path.join(self._own.name, "log")

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
            self._own.cleanup()
            raise

    def page(self):
        """What it tells now."""
        status, body = self._server.get("/metrics")
        assert status == 200, body
        return Page(body.decode())

    def log(self):
        """What it has said so far."""
        with open(self._log_path, errors="replace") as log:
            return log.read()

    def stop(self):
        try:
            self._server.stop()
        finally:
            self._own.cleanup()
