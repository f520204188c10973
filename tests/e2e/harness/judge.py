"""What the strictest readers of both formats say of a page."""

import importlib
import os
import shutil
import subprocess

from harness import raw

TEXT_PARSER = "prometheus_client.parser"
OPENMETRICS_PARSER = "prometheus_client.openmetrics.parser"
OPENMETRICS = {"accept": "application/openmetrics-text;version=1.0.0"}


def judged(server):
    """The text of a server's page, which every reader that is installed must take in both formats."""
    text = _page(server, None, "text/plain; version=0.0.4; charset=utf-8")
    open_text = _page(server, OPENMETRICS, "application/openmetrics-text; version=1.0.0; charset=utf-8")
    _parse_if_installed(OPENMETRICS_PARSER, open_text)
    return judged_text(text)


def judged_text(text):
    """A page in the text format, which every reader that is installed must take."""
    _parse_if_installed(TEXT_PARSER, text)
    promtool = shutil.which("promtool")
    if promtool and text:
        assert promtool_says(promtool, text) == ("", 0), text
    return text


def parse(parser, page):
    """Lets a parser, of those above, read a page to its end."""
    for _ in importlib.import_module(parser).text_string_to_metric_families(page):
        pass


def promtool_says(promtool, text):
    """What `promtool check metrics` has to say of a text, and its exit code."""
    check = subprocess.run(
        [promtool, "check", "metrics"],
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        # It is asked thousands of times, and a third of its time is spent on collecting garbage.
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
