"""An HTTP/2 client of hand-made frames, which does what a library would not (RFC 9113)."""

import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, RST_STREAM, SETTINGS, GOAWAY = 1, 3, 4, 7
END_STREAM, END_HEADERS = 1, 4
INITIAL_WINDOW_SIZE = 4
CANCEL = 8


class Connection:
    """A connection to a server that speaks HTTP/2 without TLS."""

    def __init__(self, address, window=65_535):
        """Connects, and lets the server send `window` bytes on each stream."""
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=10)
        settings = struct.pack(">HI", INITIAL_WINDOW_SIZE, window)
        self.socket.sendall(PREFACE + _frame(SETTINGS, 0, 0, settings))
        self._next_stream = 1

    def get(self, *paths):
        """Sends a GET request for each path at once, and returns the numbers of the streams."""
        streams = range(self._next_stream, self._next_stream + 2 * len(paths), 2)
        self._next_stream = streams.stop
        frames = [
            _frame(HEADERS, END_STREAM | END_HEADERS, stream, _get(path))
            for stream, path in zip(streams, paths)
        ]
        self.socket.sendall(b"".join(frames))
        return list(streams)

    def reset(self, streams):
        """Cancels streams."""
        code = struct.pack(">I", CANCEL)
        self.socket.sendall(b"".join(_frame(RST_STREAM, 0, stream, code) for stream in streams))

    def receive(self):
        """Receives some bytes of the server's frames."""
        return self.socket.recv(65_536)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _frame(kind, flags, stream, payload):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _get(path):
    """Encodes the head of a GET request with HPACK, without compression (RFC 7541)."""
    method_get, scheme_http = b"\x82", b"\x86"
    return method_get + scheme_http + _literal(4, path) + _literal(1, "here")


def _literal(name, value):
    """Encodes a field whose name is in the static table, not to be indexed."""
    text = value.encode()
    assert len(text) < 127, "longer texts need an integer of several bytes"
    return bytes([name, len(text)]) + text
