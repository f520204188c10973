"""A real Prometheus that scrapes its targets every second."""

import json
import time
import urllib.parse

from harness.server import ServerWithFiles


class PromQl(ServerWithFiles):
    """A running server that evaluates PromQL."""

    def query(self, promql):
        """Returns the values of an instant query, one for each series."""
        result = self.query_response(promql)["data"]["result"]
        return [float(sample["value"][1]) for sample in result]

    def query_response(self, promql):
        """Returns the whole response to an instant query, with its warnings."""
        query = urllib.parse.urlencode({"query": promql})
        status, body = self._server.get(f"/api/v1/query?{query}")
        assert status == 200, f"{promql}\n{body}"
        return json.loads(body)


def loaded_rules(server):
    """Returns the rules that a Prometheus or vmalert has loaded, with their queries and health."""
    status, body = server.get("/api/v1/rules")
    assert status == 200, body
    return [rule for group in json.loads(body)["data"]["groups"] for rule in group["rules"]]


class Prometheus(PromQl):
    """A running Prometheus with its data in a temporary directory."""

    def __init__(self, program, target, *options, further_targets=(), files=None):
        """Starts `program` with these options, to scrape `target`, a host and port, and others.

        `files` are texts by name: `prometheus.yml` instead of that configuration, and files that it
        names.
        """
        job = {"job_name": "gateway", "static_configs": [{"targets": [target, *further_targets]}]}
        # JSON is valid YAML.
        scraping = json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [job]})
        super().__init__("prometheus", {"prometheus.yml": scraping, **(files or {})})

        def command(address):
            return [
                program,
                f"--config.file={self.path('prometheus.yml')}",
                f"--storage.tsdb.path={self.path('data')}",
                f"--web.listen-address={address}",
                *options,
            ]

        self.start(command, "/-/ready")

    def rules(self):
        """Returns the rules that are loaded, each with its query and its health."""
        return loaded_rules(self._server)

    def label_values(self, label, selector):
        """Returns the values of a label of the selected series."""
        query = urllib.parse.urlencode({"match[]": selector})
        status, body = self._server.get(f"/api/v1/label/{label}/values?{query}")
        assert status == 200, body
        return json.loads(body)["data"]

    def query_range(self, promql, start, end):
        """Evaluates a query at every second and returns its values by time; it has one series."""
        parameters = {"query": promql, "start": start, "end": end, "step": 1}
        status, body = self._server.get(f"/api/v1/query_range?{urllib.parse.urlencode(parameters)}")
        assert status == 200, body
        series = json.loads(body)["data"]["result"]
        assert len(series) == 1, f"{promql}: {series}"
        return {at: float(value) for at, value in series[0]["values"]}

    def exemplars(self, selector):
        """Returns the labels of the exemplars of the last ten minutes."""
        now = time.time()
        parameters = {"query": selector, "start": now - 600, "end": now + 60}
        query = urllib.parse.urlencode(parameters)
        status, body = self._server.get(f"/api/v1/query_exemplars?{query}")
        assert status == 200, body
        series = json.loads(body)["data"]
        return [exemplar["labels"] for one in series for exemplar in one["exemplars"]]
