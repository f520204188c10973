"""A real node-exporter with only its textfile collector."""

from harness.page import Page
from harness.server import ServerWithFiles


class NodeExporter(ServerWithFiles):
    """A running node-exporter."""

    def __init__(self, program, directory):
        """Starts `program`, which reads the files of `directory` on each scrape."""
        super().__init__("node-exporter")

        def command(address):
            return [
                program,
                "--collector.disable-defaults",
                "--collector.textfile",
                f"--collector.textfile.directory={directory}",
                f"--web.listen-address={address}",
            ]

        self.start(command, "/")

    def page(self):
        """Scrapes the current page."""
        status, body = self._server.get("/metrics")
        assert status == 200, body
        return Page(body.decode())

    def log(self):
        """Returns the log so far."""
        with open(self.path("log"), errors="replace") as log:
            return log.read()
