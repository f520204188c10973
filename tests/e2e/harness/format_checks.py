"""Checks pages with promtool and with the parsers of prometheus_client."""

import importlib
import os
import shutil
import subprocess

from harness import raw

TEXT_PARSER = "prometheus_client.parser"
OPENMETRICS_PARSER = "prometheus_client.openmetrics.parser"
OPENMETRICS = {"accept": "application/openmetrics-text;version=1.0.0"}


def checked_page(server):
    """Scrapes a server in both formats, checks both pages and returns the text page."""
    text = _page(server, None, "text/plain; version=0.0.4; charset=utf-8")
    content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    open_text = _page(server, OPENMETRICS, content_type)
    _parse_if_installed(OPENMETRICS_PARSER, open_text)
    return checked_text(text)


def checked_text(text):
    """Checks a text page with every checker that is installed, and returns the page."""
    _parse_if_installed(TEXT_PARSER, text)
    promtool = shutil.which("promtool")
    if promtool and text:
        assert check_metrics(promtool, text) == ("", 0), text
    return text


def parse(parser, page):
    """Parses a page completely with one of the parsers named above."""
    for _ in importlib.import_module(parser).text_string_to_metric_families(page):
        pass


def check_metrics(promtool, text):
    """Returns the output and the exit code of `promtool check metrics`."""
    check = subprocess.run(
        [promtool, "check", "metrics"],
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        # promtool is run thousands of times, and spends a third of its time on garbage collection.
        env={**os.environ, "GOGC": "400"},
        timeout=60,
    )
    return check.stdout, check.returncode


def _parse_if_installed(parser, page):
    try:
        importlib.import_module(parser)
    except ImportError:
        return
    parse(parser, page)


def _page(server, headers, content_type):
    reply = raw.get(server, "/metrics", headers=headers)
    assert reply.status == 200, reply
    assert reply.headers["content-type"] == content_type, reply.headers
    return reply.text
