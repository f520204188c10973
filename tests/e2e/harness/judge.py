"""What the strictest readers of both formats say of a page."""

import importlib
import shutil
import subprocess

from harness import raw

OPENMETRICS = {"accept": "application/openmetrics-text;version=1.0.0"}


def judged(server):
    """The text of a server's page, which every reader that is installed must take in both formats."""
    text = _page(server, None, "text/plain; version=0.0.4; charset=utf-8")
    open_text = _page(server, OPENMETRICS, "application/openmetrics-text; version=1.0.0; charset=utf-8")
    for module, page in (
        ("prometheus_client.parser", text),
        ("prometheus_client.openmetrics.parser", open_text),
    ):
        try:
            parser = importlib.import_module(module)
        except ImportError:
            continue
        list(parser.text_string_to_metric_families(page))
    promtool = shutil.which("promtool")
    if promtool and text:
        assert promtool_says(promtool, text) == ("", 0), text
    return text


def promtool_says(promtool, text):
    """What `promtool check metrics` has to say of a text, and its exit code."""
    check = subprocess.run(
        [promtool, "check", "metrics"],
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    return check.stdout, check.returncode


def _page(server, headers, content_type):
    reply = raw.get(server, "/metrics", headers=headers)
    assert reply.status == 200, reply
    assert reply.headers["content-type"] == content_type, reply.headers
    return reply.text
