"""A real VictoriaMetrics, and its program for rules."""

import json

from harness.prometheus import PromQl, loaded_rules
from harness.server import ServerWithFiles


class VictoriaMetrics(PromQl):
    """A running VictoriaMetrics that scrapes its targets every second."""

    def __init__(self, program, targets):
        job = {"job_name": "gateway", "static_configs": [{"targets": targets}]}
        # JSON is valid YAML.
        scraping = json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]})
        super().__init__("victoria-metrics", {"scrape.yml": scraping})

        def command(address):
            return [
                program,
                f"-httpListenAddr={address}",
                f"-storageDataPath={self.path('data')}",
                f"-promscrape.config={self.path('scrape.yml')}",
                # Samples are visible at once instead of after half a minute.
                "-search.latencyOffset=0s",
                "-memory.allowedBytes=256MB",
            ]

        self.start(command, "/health")


class VmAlert(ServerWithFiles):
    """A running vmalert that evaluates a rule file every second in a VictoriaMetrics."""

    def __init__(self, program, rules, storage, alertmanager):
        """Starts `program`, which writes its results to the same VictoriaMetrics."""
        super().__init__("vmalert")

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

        self.start(command, "/health")

    def rules(self):
        """Returns the rules that are loaded, each with its query and its health."""
        return loaded_rules(self._server)
