"""A real VictoriaMetrics, and its program for rules."""

import json
import os
import subprocess
import tempfile

from harness.prometheus import PromQl, loaded_rules
from harness.server import Server


class VictoriaMetrics(PromQl):
    """A running VictoriaMetrics that scrapes its targets every second."""

    def __init__(self, program, targets):
        self._directory = tempfile.TemporaryDirectory(prefix="e2e-victoria-metrics-")
        config = os.path.join(self._directory.name, "scrape.yml")
        job = {"job_name": "gateway", "static_configs": [{"targets": targets}]}
        with open(config, "w") as file:
            # JSON is valid YAML.
            json.dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]}, file)

        def command(address):
            return [
                program,
                f"-httpListenAddr={address}",
                f"-storageDataPath={self._directory.name}/data",
                f"-promscrape.config={config}",
                # Samples are visible at once instead of after half a minute.
                "-search.latencyOffset=0s",
                "-memory.allowedBytes=256MB",
            ]

        try:
            log_path = os.path.join(self._directory.name, "log")
            self._server = Server(command, "/health", log_path)
        except BaseException:
            self._directory.cleanup()
            raise

    def stop(self):
        try:
            self._server.stop()
        finally:
            self._directory.cleanup()


class VmAlert:
    """A running vmalert that evaluates a rule file every second in a VictoriaMetrics."""

    def __init__(self, program, rules, storage, alertmanager):
        """Starts `program`, which writes its results to the same VictoriaMetrics."""
        self._directory = tempfile.TemporaryDirectory(prefix="e2e-vmalert-")

        def command(address):
            return [
                program,
                f"-httpListenAddr={address}",
                f"-rule={rules}",
                f"-datasource.url=http://{storage.address}",
                f"-remoteWrite.url=http://{storage.address}",
                f"-notifier.url=http://{alertmanager.address}",
                "-evaluationInterval=1s",
                # Rules use the results of others, which are sent every five seconds by default.
                "-remoteWrite.flushInterval=200ms",
            ]

        try:
            log_path = os.path.join(self._directory.name, "log")
            self._server = Server(command, "/health", log_path)
        except BaseException:
            self._directory.cleanup()
            raise

    @staticmethod
    def check(program, rules):
        """Returns the exit code and the output of `program` for a rule file that it only reads."""
        run = subprocess.run(
            [program, "-dryRun", f"-rule={rules}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        return run.returncode, run.stdout

    def rules(self):
        """Returns the rules that are loaded, each with its query and its health."""
        return loaded_rules(self._server)

    def stop(self):
        try:
            self._server.stop()
        finally:
            self._directory.cleanup()
