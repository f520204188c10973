"""Recipes of clients that misbehave. Each runs once and returns; a test repeats them.

A recipe may be refused or disconnected at any time, so it never asserts anything about a response.
"""

import contextlib
import http.client
import json
import random
import socket
import string
import time

from harness import http2
from harness.chat import (
    ANTHROPIC_PATH,
    ANTHROPIC_PLAIN,
    MESSAGES,
    MODEL,
    OPENAI_PATH,
    OPENAI_STREAM,
)
from harness.load import reset

HUGE = 2**64 - 3
# What is no HTTP, or not quite.
MALFORMED = [
    b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\nhost: x\r\n\r\n",
    b"GET /ok HTTP/1.1\r\nhost: x\r\nhost\r\n\r\n",
    b"GET /ok HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    b"POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
    bytes(range(256)),
]


def connect(address):
    host, port = address.split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def word(length=8):
    return "".join(random.choices(string.ascii_lowercase, k=length))


def _leave(connection):
    """Makes the following close send a FIN or a RST."""
    if random.random() < 0.5:
        reset(connection)


def request(address, method, path, body=None, headers=None):
    """Sends a request and reads the response to its end."""
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        connection.getresponse().read()
    finally:
        connection.close()


# Recipes for every server.


def disconnect_before_the_head(address, path="/slow?ms=1000"):
    with connect(address) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        time.sleep(random.random() / 20)
        _leave(connection)


def cut_upload(address, path="/echo"):
    """Declares more bytes than it sends."""
    with connect(address) as connection:
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * random.randrange(1000))
        time.sleep(random.random() / 20)
        _leave(connection)


def cut_chunked_upload(address, path="/echo"):
    with connect(address) as connection:
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        connection.sendall(head.encode() + b"5\r\nfirst\r\n")
        _leave(connection)


def huge_content_length(address, path="/echo"):
    """Declares almost 2^64 bytes, and sends three."""
    with connect(address) as connection:
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {HUGE}\r\n\r\n"
        connection.sendall(head.encode() + b"abc")
        time.sleep(random.random() / 20)
        _leave(connection)


def unmatched_path(address):
    method = random.choice(["GET", "POST", "DELETE"])
    request(address, method, f"/{word()}/{word()}?{word()}={word()}")


def random_method(address, path="/ok"):
    target = random.choice([path, "/metrics", f"/{word()}"])
    request(address, random.choice([word().upper(), "OPTIONS", "TRACE", "PURGE"]), target)


def spoofed_headers(address, path="/ok"):
    """Sends headers that a careless server would turn into labels."""
    names = ["x-tenant", "x-forwarded-for", "x-request-id", "x-original-uri", "user-agent"]
    request(address, "GET", path, headers={name: word(40) for name in names})


def malformed(address):
    with connect(address) as connection:
        connection.sendall(random.choice(MALFORMED))
        _leave(connection)


def pipelined(address, path="/ok"):
    """Sends fifty requests at once, and reads at most the first responses."""
    with connect(address) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode() * 50)
        connection.recv(random.choice([1, 100, 65_536]))
        _leave(connection)


def pipelined_scrapes(address):
    pipelined(address, "/metrics")


# Recipes for the fault server.


def slow_reader(address):
    """Reads a large response byte by byte, and leaves."""
    with connect(address) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(b"GET /bytes?n=3000000&chunks=300 HTTP/1.1\r\nhost: x\r\n\r\n")
        for _ in range(10):
            connection.recv(1)
            time.sleep(0.05)
        _leave(connection)


def random_model(address):
    request(address, "GET", f"/tokens?input=3&output=4&model={word()}")


def http2_resets(address):
    """Cancels half of the streams, and leaves within the others."""
    with http2.Connection(address) as connection:
        streams = connection.get(*["/stream?n=1000&ms=5", "/sse?n=1000&ms=5", "/slow?ms=5000"] * 5)
        connection.receive()
        connection.reset(streams[::2])
        connection.receive()


def http2_without_window(address):
    """Never lets the server send a body."""
    with http2.Connection(address, window=0) as connection:
        connection.get("/ok", "/bytes?n=1000000&chunks=10", "/stream?n=10", "/panic")
        time.sleep(0.3)


def http2_scrapes_without_window(address):
    """Asks for a hundred pages and takes none."""
    with http2.Connection(address, window=0) as connection:
        connection.get(*["/metrics"] * 100)
        time.sleep(2)


# Recipes for the gateway.


def chat(address):
    """Asks in one of the APIs, whole or streamed, and reads the reply to its end."""
    path, question = random.choice(
        [
            (OPENAI_PATH, {"model": MODEL, "messages": MESSAGES}),
            (OPENAI_PATH, OPENAI_STREAM),
            (ANTHROPIC_PATH, ANTHROPIC_PLAIN),
            (ANTHROPIC_PATH, {**ANTHROPIC_PLAIN, "stream": True}),
            (OPENAI_PATH, {"model": word(), "messages": MESSAGES}),
        ]
    )
    headers = {"content-type": "application/json", "x-tenant": word()}
    request(address, "POST", path, json.dumps(question), headers)


def malformed_chat(address):
    headers = {"content-type": "application/json"}
    request(address, "POST", OPENAI_PATH, '{"model": "demo-1"', headers)


def disconnect_within_a_chat(address):
    body = json.dumps(OPENAI_STREAM)
    head = f"POST {OPENAI_PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    with connect(address) as connection:
        connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n{body}".encode())
        if random.random() < 0.7:
            connection.recv(200)
        _leave(connection)


def cut_chat_upload(address):
    random.choice([cut_upload, cut_chunked_upload, huge_content_length])(address, OPENAI_PATH)


EVERY_SERVER = [malformed, unmatched_path, pipelined_scrapes]
FAULT_SERVER = [
    *EVERY_SERVER, disconnect_before_the_head, cut_upload, cut_chunked_upload, huge_content_length,
    random_method, spoofed_headers, pipelined, slow_reader, random_model, http2_resets,
    http2_without_window, http2_scrapes_without_window,
]
GATEWAY = [*EVERY_SERVER, chat, malformed_chat, disconnect_within_a_chat, cut_chat_upload]


def repeat(recipe, address, over):
    """Runs a recipe again and again, and returns how often it came to its end."""
    complete = 0
    while not over.wait(0.01):
        # The server may refuse, or close the connection before everything is sent.
        with contextlib.suppress(OSError, http.client.HTTPException):
            recipe(address)
            complete += 1
    return complete
