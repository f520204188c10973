"""A real Pushgateway."""

from harness.page import Page
from harness.server import ServerWithFiles


class Pushgateway(ServerWithFiles):
    """A running Pushgateway without persistent storage."""

    def __init__(self, program):
        super().__init__("pushgateway")
        self.start(
            lambda address: [program, f"--web.listen-address={address}"],
            "/-/ready",
        )

    @property
    def url(self):
        return f"http://{self.address}"

    def page(self):
        """Scrapes the pushed metrics."""
        status, body = self._server.get("/metrics")
        assert status == 200, body
        return Page(body.decode())
