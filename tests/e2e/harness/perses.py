"""Perses dashboards, rendered by the page in ../perses."""

import collections
import contextlib
import html
import json
import os
import re
import shutil
import tempfile

from harness.browser import Browser
from harness.prometheus import Prometheus

# The variables that the Prometheus plugin of Perses replaces in queries.
BUILT_IN = {"__interval", "__interval_ms", "__rate_interval"}
REFERENCE = re.compile(r"\$\{?([a-zA-Z_]\w*)")
TITLE = re.compile(r"<h6[^>]*>([^<]*)</h6>")


class Perses:
    """A Prometheus that also serves the page which renders dashboards."""

    def __init__(self, page, chromium, prometheus, target, rules):
        """Starts to scrape `target` and to evaluate the rules, both every second."""
        self._stack = contextlib.ExitStack()
        try:
            directory = tempfile.TemporaryDirectory(prefix="e2e-perses-")
            self._files = self._stack.enter_context(directory)
            shutil.copytree(page, self._files, dirs_exist_ok=True)
            assets = f"--web.user-assets={self._files}"
            files = {"prometheus.yml": json.dumps(_configuration(target)), "rules.yml": rules}
            self.prometheus = Prometheus(prometheus, target, assets, files=files)
            self._stack.callback(self.prometheus.stop)
            self._browser = Browser(chromium)
            self._stack.callback(self._browser.stop)
        except BaseException:
            self.stop()
            raise

    def stop(self):
        self._stack.close()

    def render(self, dashboard, size, duration, interval=1, picture=None):
        """Renders the last seconds in a window of this width and height."""
        with open(os.path.join(self._files, "dashboard.json"), "w") as file:
            json.dump(dashboard, file)
        parameters = f"dashboard=dashboard.json&duration={duration}s&interval={interval}s"
        url = f"http://{self.prometheus.address}/user/?{parameters}"
        open_layouts = [
            layout["spec"]["items"]
            for layout in dashboard["spec"]["layouts"]
            if layout["spec"]["display"]["collapse"]["open"]
        ]
        # Each panel becomes a chart or an error, and an empty chart before its query is sent.
        panels = sum(map(len, open_layouts))
        shown = "document.querySelectorAll('canvas, [role=alert]').length"
        is_ready = f"globalThis.hasAllResults?.() && {shown} >= {panels}"
        return self._browser.render(url, size, is_ready, picture)


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
