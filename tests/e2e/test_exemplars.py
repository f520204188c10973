"""A real Prometheus stores exemplars with trace IDs."""

from harness import raw
from harness.case import SkipReportingTest
from harness.fault_server import FaultServer
from harness.polling import eventually
from harness.prometheus import Prometheus


class Traced(SkipReportingTest):
    def setUp(self):
        program = self.scraper()
        self.server = FaultServer("--traced")
        self.addCleanup(self.server.stop)
        feature = "--enable-feature=exemplar-storage"
        self.prometheus = Prometheus(program, self.server.address, feature)
        self.addCleanup(self.prometheus.stop)

    def scraper(self):
        return self.program("prometheus")

    def test_exemplars_have_the_trace_id_of_the_request(self):
        traces = {}
        for path, family in (
            ("/ok", "app_http_request_duration_seconds_bucket"),
            ("/stream?n=3", "app_time_to_first_chunk_seconds_bucket"),
            ("/tokens", "app_request_tokens_bucket"),
        ):
            reply = raw.get(self.server, path)
            self.assertEqual(reply.status, 200)
            endpoint = path.split("?")[0]
            traces[family, endpoint] = reply.headers["trace-id"]

        def stored():
            for (family, endpoint), trace in traces.items():
                found = self.prometheus.exemplars(f'{family}{{endpoint="{endpoint}"}}')
                self.assertIn(trace, {labels["trace_id"] for labels in found}, family)
                for labels in found:
                    self.assertRegex(labels["span_id"], "^[0-9a-f]{16}$")

        eventually(stored, within=30)


class TracedWithPrometheus3(Traced):
    def scraper(self):
        return self.prometheus_3()
