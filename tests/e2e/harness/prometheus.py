"""A real Prometheus that scrapes the gateway every second."""

import http.client
import json
import os
import socket
import subprocess
import tempfile
import urllib.parse

from harness.polling import eventually
from harness.process import Process


class Prometheus:
    """A running server, with its data in a directory that goes when it stops."""

    def __init__(self, program, scraped):
        """Starts `program`; it will scrape `scraped`, a host and port."""
        self._directory = tempfile.TemporaryDirectory(prefix="e2e-prometheus-")
        self._config = os.path.join(self._directory.name, "prometheus.yml")
        job = {"job_name": "gateway", "static_configs": [{"targets": [scraped]}]}
        with open(self._config, "w") as file:
            # JSON is YAML.
            json.dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}, file)
        self._process = None
        try:
            self._start(program)
        except BaseException:
            self.stop()
            raise

    def query(self, promql):
        """The values of an instant query: one for each series that it gives."""
        query = urllib.parse.urlencode({"query": promql})
        status, body = self._get(f"/api/v1/query?{query}")
        assert status == 200, body
        return [float(sample["value"][1]) for sample in json.loads(body)["data"]["result"]]

    def stop(self):
        try:
            if self._process:
                self._process.stop()
        finally:
            self._directory.cleanup()

    def _start(self, program):
        # It cannot choose a port by itself, and another program may take the one chosen for it.
        for _ in range(3):
            self._address = f"127.0.0.1:{_free_port()}"
            log_path = os.path.join(self._directory.name, "log")
            with open(log_path, "wb") as log:
                self._process = Process(
                    [
                        program,
                        f"--config.file={self._config}",
                        f"--storage.tsdb.path={self._directory.name}/data",
                        f"--web.listen-address={self._address}",
                    ],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            if eventually(self._is_ready, within=30):
                return
        with open(log_path, errors="replace") as log:
            raise AssertionError(f"Prometheus does not start:\n{log.read()}")

    def _is_ready(self):
        """Whether it is ready; False once it has ended instead."""
        if self._process.exit_code() is not None:
            return False
        try:
            status, _ = self._get("/-/ready")
        except OSError:
            status = None
        assert status == 200, "Prometheus is not ready"
        return True

    def _get(self, path):
        connection = http.client.HTTPConnection(self._address, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
