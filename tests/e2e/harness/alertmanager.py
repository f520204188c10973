"""A real Alertmanager, and the receiver of its notifications."""

import http.server
import json
import threading

from harness.server import ServerWithFiles


class Receiver:
    """A webhook that keeps the alerts of all notifications."""

    def __init__(self):
        receiver = self
        self._alerts = []
        self._lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                receiver.receive(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def receive(self, notification):
        with self._lock:
            self._alerts += json.loads(notification)["alerts"]

    def alerts(self, status):
        """Returns the alerts of all notifications that were `firing` or `resolved` there."""
        with self._lock:
            return [alert for alert in self._alerts if alert["status"] == status]

    def has(self, status, labels):
        """Returns whether there was an alert whose labels include these."""
        return any(labels.items() <= alert["labels"].items() for alert in self.alerts(status))

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


class Alertmanager(ServerWithFiles):
    """A running Alertmanager that notifies a receiver of each alert at once, by itself."""

    def __init__(self, program, receiver):
        # JSON is valid YAML.
        configuration = json.dumps(_configuration(receiver.url))
        super().__init__("alertmanager", {"alertmanager.yml": configuration})

        def command(address):
            return [
                program,
                f"--config.file={self.path('alertmanager.yml')}",
                f"--storage.path={self.path('data')}",
                f"--web.listen-address={address}",
                # Without a cluster.
                "--cluster.listen-address=",
            ]

        self.start(command, "/-/ready")


def _configuration(url):
    route = {
        "receiver": "tests",
        "group_by": ["..."],
        "group_wait": "0s",
        "group_interval": "1s",
        "repeat_interval": "1h",
    }
    webhook = {"url": url, "send_resolved": True}
    return {"route": route, "receivers": [{"name": "tests", "webhook_configs": [webhook]}]}
