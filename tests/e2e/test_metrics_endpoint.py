"""The endpoint that serves the metrics page."""

from harness import raw
from harness.case import EndToEndTest
from harness.traffic import make_all_kinds


class MetricsEndpoint(EndToEndTest):
    def test_content_type_is_the_text_format(self):
        content_type = raw.get(self.gateway, "/metrics").headers["content-type"]
        media_type, *parameters = content_type.split(";")
        parameters = {parameter.strip().lower() for parameter in parameters}
        self.assertEqual(media_type.strip(), "text/plain")
        self.assertIn("version=0.0.4", parameters)
        self.assertLessEqual(parameters, {"version=0.0.4", "charset=utf-8"})

    def test_scrapes_are_not_counted(self):
        for _ in range(20):
            self.page()
        page = self.page()
        self.assertNotIn("/metrics", page.label_values("endpoint"))
        self.assertEqual(page.sum("app_http_requests_total"), 0)

    def test_scrapes_are_not_counted_beside_other_requests(self):
        raw.get(self.gateway, "/risky")
        for _ in range(20):
            self.page()
        page = self.page()
        self.assertEqual(page.label_values("endpoint"), {"/risky"})
        self.assertEqual(page.sum("app_http_requests_total"), 1)

    def test_skipped_paths_are_not_counted(self):
        self.assertEqual(raw.get(self.gateway, "/health").status, 200)
        self.assertNotIn("/health", self.page().label_values("endpoint"))

    def test_page_stays_the_same_without_traffic(self):
        make_all_kinds(self.gateway)
        page = self.page_at_rest().text
        for _ in range(5):
            self.assertEqual(self.page().text, page)
