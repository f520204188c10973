"""Clients that try to keep others from the metrics page, or to bend its numbers."""

import socket
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, HEADERS, PING = 0x4, 0x1, 0x6
ACK, END_STREAM, END_HEADERS = 0x1, 0x1, 0x4
INITIAL_WINDOW_SIZE = 0x4
# HPACK (RFC 7541, appendix A): indices of `:method: GET` and `:scheme: http`, and of the names
# `:path` and `:authority`.
METHOD_GET, SCHEME_HTTP, PATH, AUTHORITY = 2, 6, 4, 1


def connect(address, receive_buffer=None):
    host, port = address.rsplit(":", 1)
    client = socket.socket()
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(10)
    client.connect((host, int(port)))
    return client


def get_request(path):
    return f"GET {path} HTTP/1.1\r\nhost: attacker\r\n\r\n".encode()


class Attack:
    """An attack whose connections stay open until it is stopped."""

    def __init__(self, address):
        self.address = address
        self.clients = []

    def stop(self):
        for client in self.clients:
            client.close()
        self.clients.clear()


class NeverReading(Attack):
    """HTTP/1.1 connections that request the page and never read it."""

    connections, requests = 70, 1

    def run(self, seconds):
        end = time.monotonic() + seconds
        for _ in range(self.connections):
            client = connect(self.address, receive_buffer=4096)
            client.sendall(get_request("/metrics") * self.requests)
            self.clients.append(client)
            # The buffers of the operating system take most of a page, and writing 70 large pages at
            # once would keep a debug build busy for seconds.
            time.sleep(0.05)
        time.sleep(max(0, end - time.monotonic()))


class Pipelining(NeverReading):
    """HTTP/1.1 connections that request many pages at once and never read them."""

    connections, requests = 80, 80


class ClosedWindow(Attack):
    """HTTP/2 connections that request 100 pages each and have a flow-control window of 0.

    A new connection every second, so that its pages are younger than those of Prometheus.
    """

    streams = 100

    def run(self, seconds):
        for _ in range(seconds):
            self.clients.append(self._connect())
            time.sleep(1)

    def _connect(self):
        client = connect(self.address)
        window = struct.pack("!HI", INITIAL_WINDOW_SIZE, 0)
        requests = b"".join(
            _frame(HEADERS, END_STREAM | END_HEADERS, 2 * index + 1, _headers("/metrics"))
            for index in range(self.streams)
        )
        client.sendall(PREFACE + _frame(SETTINGS, 0, 0, window) + requests)
        client.sendall(_frame(PING, 0, 0, b"requests"))
        # The acknowledgement comes after the requests have reached the server.
        _read_until(client, lambda kind, flags: kind == PING and flags & ACK)
        return client


def _headers(path):
    """Encodes the header fields of a request without the dynamic table or Huffman codes."""
    fields = bytes([0x80 | METHOD_GET, 0x80 | SCHEME_HTTP])
    for name, value in ((PATH, path), (AUTHORITY, "attacker")):
        fields += bytes([name, len(value)]) + value.encode()
    return fields


def _frame(kind, flags, stream, payload):
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def _read_until(client, is_last):
    received = b""
    while True:
        while len(received) >= 9 and len(received) >= 9 + int.from_bytes(received[:3], "big"):
            length, kind, flags = int.from_bytes(received[:3], "big"), received[3], received[4]
            if is_last(kind, flags):
                return
            received = received[9 + length :]
        data = client.recv(65536)
        assert data, "the server closed the connection"
        received += data


def declare_and_close(address, path, head, body):
    """Sends a request whose body ends early and closes the connection."""
    client = connect(address)
    client.sendall(f"POST {path} HTTP/1.1\r\nhost: attacker\r\n{head}\r\n\r\n".encode() + body)
    client.shutdown(socket.SHUT_WR)
    # The server has noticed the end when it closes the connection or answers.
    try:
        client.recv(65536)
    except OSError:
        pass
    client.close()
