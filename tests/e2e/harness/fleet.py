"""Several servers with traffic that goes on: requests of every kind, and faults that end."""

import contextlib
import http.client
import json
import tempfile
import threading

from harness import raw
from harness.attacks import ClosedWindow
from harness.chat import OPENAI_PATH
from harness.fault_server import FaultServer
from harness.gateway import FallbackGateway, QuietGateway
from harness.polling import eventually
from harness.scripted_provider import ScriptedProvider

REPLICAS = 3
# Seconds between the requests of a thread.
PAUSE = 0.2
# An endpoint that only the replicas have.
COMPLETIONS = "/v1/completions"
TENANTS = ("acme", "zenith")
PRICE = {"input": 2.5, "output": 10, "cache_read": 1.25}
PRICED = ("m-1", "busy", "cut", "long")
# Paths of the fault server, the last three of which break the connection.
FAULTS = (
    "/ok",
    "/err?status=503",
    "/fail?kind=b",
    "/stream?n=3",
    "/no/such/path",
    "/panic",
    "/stream-err",
    "/stream-panic",
)
# So many streams with long names that the metrics page is sent in several pieces. Only such a page
# can lose its place to another scrape.
LONG_STREAMS = 3


def ask(server, path, question, tenant=None):
    """Asks a model and reads the reply to its end."""
    headers = {"content-type": "application/json", **({"x-tenant": tenant} if tenant else {})}
    connection = raw.connect(server)
    try:
        connection.request("POST", path, json.dumps(question), headers)
        connection.getresponse().read()
    finally:
        connection.close()


class Repeated:
    """A thread that sends the same requests until it is stopped."""

    def __init__(self, send, *arguments):
        """Calls `send` again and again. Requests may fail, and connections may break."""
        self._over = threading.Event()

        def run():
            while not self._over.wait(PAUSE):
                with contextlib.suppress(OSError, http.client.HTTPException):
                    send(*arguments)

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def stop(self):
        self._over.set()
        self._thread.join()


class Servers:
    """Servers and the traffic that they get."""

    def __init__(self):
        self._running = contextlib.ExitStack()
        try:
            self._start_servers()
            self._start_traffic()
        except BaseException:
            self.stop()
            raise

    def stop(self):
        self._running.close()

    def _start(self, server):
        self._running.callback(server.stop)
        return server

    def _repeat(self, send, *arguments):
        return self._start(Repeated(send, *arguments))

    def _start_replica(self, name, provider):
        return self._start(QuietGateway("--upstream", provider.url, "--provider", name))


class Fleet(Servers):
    """Three replicas of the gateway, a gateway with fallbacks, prices and tenants, and the fault
    server, which get requests of every kind."""

    def addresses(self):
        """Returns the addresses to scrape."""
        servers = [*self.replicas, self.fallback, self.faults]
        return [server.address for server in servers]

    def _start_servers(self):
        providers = [self._start(ScriptedProvider(has_faults=True)) for _ in range(REPLICAS)]
        healthy = self._start(ScriptedProvider(has_faults=False))
        self.replicas = [
            self._start_replica(f"provider-{number}", provider)
            for number, provider in enumerate(providers)
        ]
        prices = self._running.enter_context(tempfile.NamedTemporaryFile("w", suffix=".json"))
        json.dump({model: PRICE for model in PRICED}, prices)
        prices.flush()
        self.fallback = self._start(
            FallbackGateway(
                *("--provider", f"first={providers[0].url}", "--provider", f"second={healthy.url}"),
                *(option for tenant in TENANTS for option in ("--tenant", tenant)),
                *("--prices", prices.name),
            )
        )
        self.faults = self._start(FaultServer("--streams", str(LONG_STREAMS)))

    def _start_traffic(self):
        for number, replica in enumerate(self.replicas):
            # Each replica has another number of requests.
            self._repeat(self._ask_replica, replica, number + 1)
        self._repeat(self._ask_fallback)
        self._repeat(self._ask_fault_server)
        self._repeat(ask, self.replicas[0], OPENAI_PATH, {"model": "slow", "stream": True})
        self._repeat(self._stall_scrapes)
        unanswered = raw.connect(self.faults)
        self._running.callback(unanswered.close)
        unanswered.request("GET", "/slow?ms=600000")

    def _ask_replica(self, replica, count):
        for model in ("m-1", "busy", "broken", "unknown", "silent", "long"):
            ask(replica, OPENAI_PATH, {"model": model})
        for model in ("m-1", "cut"):
            ask(replica, OPENAI_PATH, {"model": model, "stream": True})
        for _ in range(count):
            ask(replica, COMPLETIONS, {"model": "m-1", "prompt": "Hello"})
        self._leave_within_a_stream(replica)
        raw.get(replica, OPENAI_PATH)

    def _ask_fallback(self):
        for model in ("m-1", "busy", "broken", "unknown", "silent", "long", "unpriced"):
            ask(self.fallback, OPENAI_PATH, {"model": model}, TENANTS[0])
        for model in ("m-1", "cut"):
            ask(self.fallback, OPENAI_PATH, {"model": model, "stream": True}, TENANTS[1])
        ask(self.fallback, OPENAI_PATH, {"model": "m-1"}, "invented")

    def _ask_fault_server(self):
        for path in FAULTS:
            with contextlib.suppress(OSError, http.client.HTTPException):
                raw.get(self.faults, path)

    def _leave_within_a_stream(self, gateway):
        connection = raw.connect(gateway)
        response = raw.begin_post(connection, OPENAI_PATH, {"model": "endless", "stream": True})
        response.readline()
        response.close()
        connection.close()

    def _stall_scrapes(self):
        attack = ClosedWindow(self.faults.address)
        try:
            attack.run(seconds=1)
        finally:
            attack.stop()


class FaultyFleet(Servers):
    """Three replicas of the gateway, each with a faulty provider, and a gateway with tenants.

    The first provider is busy and cuts streams, the second is down, and the third is slow.
    """

    def addresses(self):
        """Returns the addresses to scrape."""
        return [replica.address for replica in self.replicas] + [self.tenants.address]

    def crash(self):
        """Ends the overflow of tenants, and then the gateway with tenants."""
        self._overflow.stop()
        self.tenants.stop()

    def recover(self):
        """Repairs the providers, and starts the gateway with tenants again at its address."""
        busy, down, slow = self.providers
        busy.has_faults = slow.has_faults = False
        down.listen()
        address = self.tenants.address
        # Another process can have the port for a moment.
        self.tenants = self._start(eventually(lambda: self._new_tenants(listen=address)))

    def _start_servers(self):
        self.providers = [
            self._start(ScriptedProvider(has_faults=True)),
            self._start(ScriptedProvider(has_faults=False, is_listening=False)),
            self._start(ScriptedProvider(has_faults=True)),
        ]
        self.replicas = [
            self._start_replica(name, provider)
            for name, provider in zip(("busy", "down", "slow"), self.providers, strict=True)
        ]
        self.tenants = self._start(self._new_tenants())

    def _new_tenants(self, **options):
        healthy = f"healthy={self.providers[2].url}"
        return FallbackGateway("--provider", healthy, "--tenant", TENANTS[0], **options)

    def _start_traffic(self):
        busy, down, slow = self.replicas
        self._repeat(ask, busy, COMPLETIONS, {"model": "busy"})
        self._repeat(ask, busy, COMPLETIONS, {"model": "cut", "stream": True})
        self._repeat(ask, down, COMPLETIONS, {"model": "m-1"})
        for _ in range(4):
            self._repeat(ask, slow, OPENAI_PATH, {"model": "slow"})
        self._overflow = self._repeat(ask, self.tenants, OPENAI_PATH, {"model": "m-1"}, "invented")
