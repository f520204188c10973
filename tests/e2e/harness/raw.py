"""HTTP requests through the standard library, with access to the raw bytes."""

import http.client
import json
from dataclasses import dataclass

TIMEOUT = 30


@dataclass
class Reply:
    """A complete response, with chunked encoding removed."""

    status: int
    headers: dict
    body: bytes

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


def connect(gateway):
    """Opens a connection, for tests that disconnect or read step by step."""
    return http.client.HTTPConnection(gateway.address, timeout=TIMEOUT)


def begin_post(connection, path, body):
    """Sends `body`, encoded as JSON unless it is a string, and returns the unread response."""
    text = body if isinstance(body, str) else json.dumps(body)
    connection.request("POST", path, text, {"content-type": "application/json"})
    return connection.getresponse()


def post(gateway, path, body):
    connection = connect(gateway)
    try:
        return _read(begin_post(connection, path, body))
    finally:
        connection.close()


def get(gateway, path, method="GET", headers=None):
    connection = connect(gateway)
    try:
        connection.request(method, path, headers=headers or {})
        return _read(connection.getresponse())
    finally:
        connection.close()


def _read(response):
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Reply(response.status, headers, response.read())
