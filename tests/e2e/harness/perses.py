"""Perses dashboards, rendered by the page in ../perses."""

import collections
import html
import json
import os
import re
import shutil
import tempfile

from harness.browser import render
from harness.prometheus import Prometheus

# The variables that the Prometheus plugin of Perses replaces in queries.
BUILT_IN = {"__interval", "__interval_ms", "__rate_interval"}
REFERENCE = re.compile(r"\$\{?([a-zA-Z_]\w*)")
TITLE = re.compile(r"<h6[^>]*>([^<]*)</h6>")


class Perses:
    """A Prometheus that also serves the page which renders dashboards."""

    def __init__(self, page, chromium, prometheus, target, rules):
        """Starts to scrape `target` and to evaluate the rules, both every second."""
        self._chromium = chromium
        self._files = tempfile.TemporaryDirectory(prefix="e2e-perses-")
        files = {"prometheus.yml": json.dumps(_configuration(target)), "rules.yml": rules}
        try:
            shutil.copytree(page, self._files.name, dirs_exist_ok=True)
            assets = f"--web.user-assets={self._files.name}"
            self.prometheus = Prometheus(prometheus, target, assets, files=files)
        except BaseException:
            self._files.cleanup()
            raise

    def render(self, dashboard, picture, size, duration, interval=1):
        """Renders the last seconds in a window of this width and height."""
        with open(os.path.join(self._files.name, "dashboard.json"), "w") as file:
            json.dump(dashboard, file)
        parameters = f"dashboard=dashboard.json&duration={duration}s&interval={interval}s"
        url = f"http://{self.prometheus.address}/user/?{parameters}"
        return render(self._chromium, url, picture, size)

    def stop(self):
        try:
            self.prometheus.stop()
        finally:
            self._files.cleanup()


def _configuration(target):
    job = {"job_name": "gateway", "static_configs": [{"targets": [target]}]}
    return {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [job],
    }


def problems(dashboard, page):
    """Returns what is wrong with a dashboard, as the page shows that has rendered it."""
    found = [f"console: {message}" for message in page.console]
    found += ["an error instead of a panel"] * page.dom.count('role="alert"')
    panels = dashboard["spec"]["panels"].values()
    titles = collections.Counter(panel["spec"]["display"]["name"] for panel in panels)
    titles.subtract(html.unescape(title) for title in TITLE.findall(page.dom))
    found += [f"shown too rarely: {title}" for title in titles if titles[title] > 0]
    charts = page.dom.count("<canvas")
    if charts != len(panels):
        found.append(f"{charts} charts for {len(panels)} panels")
    return found + _unknown_variables(dashboard)


def _unknown_variables(dashboard):
    known = {variable["spec"]["name"] for variable in dashboard["spec"]["variables"]} | BUILT_IN
    return [
        f"the variable {name} does not exist: {query}"
        for query in queries(dashboard)
        for name in set(REFERENCE.findall(query)) - known
    ]


def queries(dashboard):
    """Returns the PromQL expressions of all panels."""
    return [
        query["spec"]["plugin"]["spec"]["query"]
        for panel in dashboard["spec"]["panels"].values()
        for query in panel["spec"]["queries"]
    ]
