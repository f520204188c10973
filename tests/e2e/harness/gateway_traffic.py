"""A gateway with two providers that sometimes fail, and clients that use it until they stop."""

import contextlib
import http.client
import json
import math
import random
import threading
import time

from harness import raw
from harness.chat import ANTHROPIC_PATH, OPENAI_PATH
from harness.faulty_upstream import FaultyUpstream
from harness.gateway import QuietGateway
from harness.scripted_provider import RATE_LIMITS

# The faults of each provider by the place in its cycle of requests, and the length of the cycle.
# Requests for which both providers fail are failures of the gateway.
FAULTS = {
    "first": (
        370,
        {
            **{10: "cut", 20: "429", 130: "429", 190: "500", 270: "429"},
            **{70: "slow", 150: "slow", 210: "slow", 290: "slow", 350: "slow"},
        },
    ),
    "second": (17, {3: "500"}),
}
MODELS = ("demo-1", "demo-1", "demo-1-mini")
QUESTIONS = ("What is measured here?", "How long does a reply take?", "Who has left, and when?")
# After these seconds the number of requests is again the same.
PERIOD = 150


class GatewayTraffic:
    """A proxy, what it forwards to, and clients in threads."""

    def __init__(self, clients, pause, pace, slow):
        """Starts everything.

        A client pauses for `pause` seconds on average, and a provider for `pace` milliseconds
        before each token. Slow replies fail after `slow` seconds.
        """
        self._servers = contextlib.ExitStack()
        self._over = threading.Event()
        self._pause = pause
        self._threads = []
        try:
            model = self._started(QuietGateway("--pace", str(pace)))
            options = []
            for name, (length, faults) in FAULTS.items():
                cycle = [faults.get(place) for place in range(length)]
                upstream = self._started(FaultyUpstream(model, slow, cycle, RATE_LIMITS))
                options += ["--upstream", upstream.url, "--provider", name]
            self.gateway = self._started(QuietGateway(*options))
        except BaseException:
            self.stop()
            raise
        for seed in range(clients):
            thread = threading.Thread(target=self._use, args=(random.Random(seed),), daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self):
        self._over.set()
        for thread in self._threads:
            thread.join(raw.TIMEOUT)
        self._servers.close()

    def _started(self, server):
        self._servers.callback(server.stop)
        return server

    def _use(self, choice):
        """Sends requests until the traffic ends."""
        kinds = (self._chat, self._stream, self._leave, self._mistake)
        while not self._over.is_set():
            [kind] = choice.choices(kinds, weights=(45, 45, 5, 5))
            # The gateway breaks off a stream that its provider breaks off.
            with contextlib.suppress(OSError, http.client.HTTPException):
                kind(choice)
            rate = 1 + 0.7 * math.sin(2 * math.pi * time.monotonic() / PERIOD)
            self._over.wait(choice.expovariate(rate / self._pause))

    def _chat(self, choice):
        raw.post(self.gateway, *_question(choice))

    def _stream(self, choice):
        raw.post(self.gateway, *_question(choice, stream=True))

    def _leave(self, choice):
        """Disconnects within a stream."""
        connection = raw.connect(self.gateway)
        response = raw.begin_post(connection, *_question(choice, stream=True))
        for _ in range(choice.randrange(1, 20)):
            response.readline()
        response.close()
        connection.close()

    def _mistake(self, choice):
        """Sends a request that the gateway or the provider refuses."""
        path, question = _question(choice)
        mistakes = (
            lambda: raw.post(self.gateway, path, {**question, "model": "unknown"}),
            lambda: raw.post(self.gateway, path, json.dumps(question)[:-1]),
            lambda: raw.get(self.gateway, path),
            lambda: raw.get(self.gateway, "/no/such/path"),
        )
        choice.choice(mistakes)()


def _question(choice, **options):
    """Returns the path and the body of a chat in one of the two APIs."""
    messages = [{"role": "user", "content": choice.choice(QUESTIONS)}]
    question = {"model": choice.choice(MODELS), "messages": messages, "max_tokens": 1000}
    return choice.choice((OPENAI_PATH, OPENAI_PATH, ANTHROPIC_PATH)), {**question, **options}
