"""A real Prometheus that scrapes the gateway every second."""

import json
import os
import tempfile
import time
import urllib.parse

from harness.server import Server


class Prometheus:
    """A running server, with its data in a directory that goes when it stops."""

    def __init__(self, program, scraped, *options):
        """Starts `program` with these options; it will scrape `scraped`, a host and port."""
        self._directory = tempfile.TemporaryDirectory(prefix="e2e-prometheus-")
        config = os.path.join(self._directory.name, "prometheus.yml")
        job = {"job_name": "gateway", "static_configs": [{"targets": [scraped]}]}
        with open(config, "w") as file:
            # JSON is YAML.
            json.dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}, file)

        def command(address):
            return [
                program,
                f"--config.file={config}",
                f"--storage.tsdb.path={self._directory.name}/data",
                f"--web.listen-address={address}",
                *options,
            ]

        self._server = None
        try:
            log_path = os.path.join(self._directory.name, "log")
            self._server = Server(command, "/-/ready", log_path)
        except BaseException:
            self.stop()
            raise

    def query(self, promql):
        """The values of an instant query: one for each series that it gives."""
        query = urllib.parse.urlencode({"query": promql})
        status, body = self._server.get(f"/api/v1/query?{query}")
        assert status == 200, body
        return [float(sample["value"][1]) for sample in json.loads(body)["data"]["result"]]

    def exemplars(self, selector):
        """The labels of the exemplars of the last minutes."""
        now = time.time()
        asked = {"query": selector, "start": now - 600, "end": now + 60}
        status, body = self._server.get(f"/api/v1/query_exemplars?{urllib.parse.urlencode(asked)}")
        assert status == 200, body
        series = json.loads(body)["data"]
        return [one["labels"] for of_one in series for one in of_one["exemplars"]]

    def stop(self):
        try:
            if self._server:
                self._server.stop()
        finally:
            self._directory.cleanup()
