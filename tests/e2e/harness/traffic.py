"""Traffic of every kind, so that the gateway's page has samples in every family."""

from harness import raw
from harness.chat import (
    ANTHROPIC_PATH,
    ANTHROPIC_PLAIN,
    MESSAGES,
    MODEL,
    OPENAI_PATH,
    OPENAI_STREAM,
)


def make_all_kinds(gateway):
    """Sends requests that succeed, fail, stream, and disconnect within a stream."""
    raw.post(gateway, OPENAI_PATH, {"model": MODEL, "messages": MESSAGES})
    raw.post(gateway, OPENAI_PATH, OPENAI_STREAM)
    raw.post(gateway, OPENAI_PATH, {"model": 'quote " and backslash \\', "messages": MESSAGES})
    raw.post(gateway, OPENAI_PATH, "{")
    raw.get(gateway, OPENAI_PATH)
    raw.post(gateway, ANTHROPIC_PATH, ANTHROPIC_PLAIN)
    raw.post(gateway, ANTHROPIC_PATH, {**ANTHROPIC_PLAIN, "stream": True})
    raw.post(gateway, "/generate", {"prompt": "Hello"})
    for path in [
        "/risky",
        "/risky?mode=error",
        "/risky?mode=teapot",
        "/stream",
        "/stream2",
        "/events",
    ]:
        raw.get(gateway, path)
    raw.get(gateway, "/no/such/path", method="BREW")
    _disconnect_within_a_stream(gateway)


def _disconnect_within_a_stream(gateway):
    connection = raw.connect(gateway)
    response = raw.begin_post(connection, OPENAI_PATH, OPENAI_STREAM)
    response.readline()
    response.close()
    connection.close()
