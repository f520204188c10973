"""The providers' clients call a proxy whose first upstream fails on demand.

Meanwhile a real Prometheus evaluates the identities of the metric families every second.
"""

import collections
import json
import subprocess
import threading
import time

from harness.case import SkipReportingTest
from harness.chat import (
    ANTHROPIC_PLAIN,
    MESSAGES,
    MODEL,
    OPENAI_STREAM,
    AnthropicChat,
    OpenAiChat,
)
from harness.faulty_upstream import FaultyUpstream
from harness.gateway import QuietGateway
from harness.polling import eventually
from harness.prometheus import Prometheus

# Seconds of load and of rest, alternately.
PHASES = 3
LOAD = 6
REST = 5
# The proxy's timeout, and how long a slow upstream takes.
TIMEOUT = 1
SLOW = 3
# More than any reply here has.
TOKENS_OF_A_REPLY = 100

REQUESTS = "sum(app_http_requests_total)"
ACTIVE = "sum(app_active_requests) + sum(app_active_streams)"
CALLS = "sum(app_llm_calls_total)"
OUTCOMES = "success|client_error|server_error|cancelled|panic"
ENDS = "complete|client_disconnect|stream_error|error_event|truncated|panic"
FINISHES = "stop|length|tool_calls|content_filter|error|cancelled|other|"
# Both sides are equal when the proxy is idle.
IDENTITIES = {
    "requests and their outcomes": (
        REQUESTS,
        f'sum(app_http_requests_total{{outcome=~"{OUTCOMES}"}})',
    ),
    "requests and durations": (REQUESTS, "sum(app_http_request_duration_seconds_count)"),
    "requests and response sizes": (REQUESTS, "sum(app_response_size_bytes_count)"),
    "streams and their outcomes": (
        "sum(app_stream_duration_seconds_count)",
        f'sum(app_stream_duration_seconds_count{{outcome=~"{ENDS}"}})',
    ),
    "streams and requests with a stream": (
        "sum(app_stream_duration_seconds_count)",
        "sum(app_time_to_first_chunk_seconds_count)",
    ),
    "calls and finish reasons": (CALLS, f'sum(app_llm_calls_total{{finish_reason=~"{FINISHES}"}})'),
    "calls and durations": (CALLS, "sum(app_llm_call_duration_seconds_count)"),
    "calls and calls per request": (CALLS, "sum(app_llm_calls_per_request_sum)"),
    "requests with calls and overheads": (
        "sum(app_llm_calls_per_request_count)",
        "sum(app_llm_overhead_seconds_count)",
    ),
    "input tokens and input tokens per call": (
        'sum(app_token_usage_total{token_type="input"})',
        'sum(app_request_tokens_sum{token_type="input"})',
    ),
    "output tokens and output tokens per call": (
        'sum(app_token_usage_total{token_type="output"})',
        'sum(app_request_tokens_sum{token_type="output"})',
    ),
}
# The sum over a family and the sum over all values of one of its labels are of the same samples.
ALWAYS = {
    "requests and their outcomes",
    "streams and their outcomes",
    "calls and finish reasons",
}


class Clients:
    """What the clients have sent and received: Python in threads, JavaScript in a process."""

    def __init__(self, test, proxy):
        self.test = test
        self.openai = test.module("openai")
        self.anthropic = test.module("anthropic")
        self.javascript = test.javascript_clients()
        self.url = proxy.url
        openai = OpenAiChat(test, proxy).client
        anthropic = AnthropicChat(test, proxy).client
        self.chats = {
            "openai plain": lambda: self._openai_plain(openai),
            "openai streamed": lambda: self._openai_streamed(openai),
            "openai disconnected": lambda: self._openai_streamed(openai, events=3),
            "openai refused": lambda: self._openai_plain(openai, model="nobody"),
            "anthropic plain": lambda: self._anthropic_plain(anthropic),
            "anthropic streamed": lambda: self._anthropic_streamed(anthropic),
            "anthropic disconnected": lambda: self._anthropic_streamed(anthropic, events=3),
        }
        self.requests = collections.Counter()
        self.failures = collections.Counter()
        self.tokens = collections.Counter()
        # Anthropic's streams begin with the tokens of the prompt. The tokens that such a beginning
        # has, and the number of streams that failed before their client had read it.
        self.openings = set()
        self.unread = 0
        self.mistakes = []
        self._lock = threading.Lock()

    def totals(self):
        """Returns how many requests were sent, and which numbers of tokens the page may have.

        If a connection breaks, the client's system may discard what the client has not yet read.
        So the page has the tokens that were received, and for each unread stream those of its
        beginning or none.
        """
        [opening] = self.openings
        received = self.tokens.total()
        return (
            self.requests.total(),
            [received + opening * streams for streams in range(self.unread + 1)],
        )

    def run(self, seconds):
        """Chats for some seconds, with every client at once."""
        end = time.monotonic() + seconds
        javascript = self._start_javascript(seconds)
        threads = [
            threading.Thread(target=self._repeat, args=(name, end), daemon=True)
            for name in self.chats
        ]
        for thread in threads:
            thread.start()
        if javascript:
            self._await_javascript(javascript, seconds + 60)
        for thread in threads:
            thread.join(seconds + 60)
            self.test.assertFalse(thread.is_alive(), thread.name)
        self.test.assertEqual(self.mistakes, [])

    def _start_javascript(self, seconds):
        if self.javascript is None:
            return None
        command = [*self.javascript, self.url, str(seconds)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def _await_javascript(self, process, timeout):
        try:
            output, _ = process.communicate(timeout=timeout)
        finally:
            process.kill()
        self.test.assertEqual(process.returncode, 0)
        for name, counts in json.loads(output).items():
            self.requests[name] += counts["requests"]
            self.failures[name] += counts["failures"]
            self.tokens[name] += counts["tokens"]

    def _repeat(self, name, end):
        mistakes = (
            self.openai.APIStatusError,
            self.anthropic.APIStatusError,
            AttributeError,
            TypeError,
        )
        while time.monotonic() < end:
            self.requests[name] += 1
            try:
                self.chats[name]()
            except (self.openai.NotFoundError, self.anthropic.NotFoundError):
                self.failures[name] += 1
            except Exception as failure:
                # A reply that is cut off: the libraries have no common type for it.
                self.failures[name] += 1
                if isinstance(failure, mistakes):
                    self.mistakes.append(f"{name}: {failure!r}")

    def _add(self, kind, tokens):
        with self._lock:
            self.tokens[kind] += tokens

    def _add_opening(self, tokens):
        with self._lock:
            self.openings.add(tokens)

    def _add_unread(self):
        with self._lock:
            self.unread += 1

    def _openai_plain(self, client, model=MODEL):
        completion = client.chat.completions.create(model=model, messages=MESSAGES)
        self._add("openai plain", completion.usage.total_tokens)

    def _openai_streamed(self, client, events=None):
        with client.chat.completions.create(**OPENAI_STREAM) as stream:
            for number, chunk in enumerate(stream, 1):
                if chunk.usage:
                    self._add("openai streamed", chunk.usage.total_tokens)
                if number == events:
                    return

    def _anthropic_plain(self, client):
        usage = client.messages.create(**ANTHROPIC_PLAIN).usage
        self._add("anthropic plain", usage.input_tokens + usage.output_tokens)

    def _anthropic_streamed(self, client, events=None):
        seen = None
        try:
            with client.messages.create(**ANTHROPIC_PLAIN, stream=True) as stream:
                for number, event in enumerate(stream, 1):
                    if event.type == "message_start":
                        usage = event.message.usage
                        seen = {"input": usage.input_tokens, "output": usage.output_tokens}
                        self._add_opening(sum(seen.values()))
                    elif event.type == "message_delta":
                        seen["output"] = event.usage.output_tokens
                    if number == events:
                        return
        finally:
            # Tokens of a reply that was cut off count too: the events that arrived have them.
            if seen is None:
                self._add_unread()
            else:
                self._add("anthropic streamed", sum(seen.values()))


class Fallbacks(SkipReportingTest):
    def test_identities_hold_at_every_second_and_calls_are_those_of_the_upstreams(self):
        prometheus_program = self.scraper()
        second = self._start(QuietGateway("--pace", "3"))
        third = self._start(QuietGateway("--pace", "3"))
        faulty = self._start(FaultyUpstream(second, SLOW))
        proxy = self._start(
            QuietGateway(
                *("--upstream", faulty.url, "--provider", "faulty"),
                *("--upstream", third.url, "--provider", "steady"),
                *("--timeout", str(TIMEOUT)),
            )
        )
        clients = Clients(self, proxy)
        prometheus = self._start(Prometheus(prometheus_program, proxy.address))

        start = int(time.time())
        totals = {}
        for _ in range(PHASES):
            clients.run(LOAD)
            page = self._page_at_rest(proxy)
            time.sleep(REST)
            totals[int(time.time())] = clients.totals()
        seconds = (start, max(totals))

        self._assert_clients_agree(page, clients)
        self._assert_upstreams_agree(page, faulty, self._page_at_rest(third), clients)
        self._assert_totals(prometheus, seconds, totals)
        self._assert_identities(prometheus, seconds, len(clients.requests))

    def scraper(self):
        return self.program("prometheus")

    def _start(self, server):
        self.addCleanup(server.stop)
        return server

    def _page_at_rest(self, gateway):
        def at_rest():
            page = gateway.page()
            self.assertEqual(page.by("endpoint", "app_active_requests"), {})
            self.assertEqual(page.by("endpoint", "app_active_streams"), {})
            return page

        return eventually(at_rest)

    def _assert_clients_agree(self, page, clients):
        """The page counts the requests that the clients sent and the tokens that they received."""
        requests, tokens = clients.totals()
        self.assertEqual(page.sum("app_http_requests_total"), requests)
        self.assertIn(page.sum("app_token_usage_total"), tokens)
        print(
            f"\nrequests: {dict(clients.requests)}\nfailures: {dict(clients.failures)}\n"
            f"tokens: {dict(clients.tokens)}, unread beginnings: {clients.unread}\n"
            f"calls: {page.by('provider', 'app_llm_calls_total')}, "
            f"by error type {page.by('error_type', 'app_llm_calls_total')}, "
            f"by finish reason {page.by('finish_reason', 'app_llm_calls_total')}\n"
            f"streams: {page.by('outcome', 'app_stream_duration_seconds_count')}\n"
            f"requests by outcome: {page.by('outcome', 'app_http_requests_total')}\n"
            f"usage missing: {page.by('reason', 'app_usage_missing_total')}"
        )

    def _assert_upstreams_agree(self, page, faulty, steady, clients):
        """Each upstream has one call for each request that it was sent."""
        calls = page.by("provider", "app_llm_calls_total")
        self.assertEqual(calls["faulty"], faulty.given.total())
        self.assertEqual(calls["steady"], steady.sum("app_http_requests_total"))
        self.assertEqual(page.sum("app_llm_calls_per_request_sum"), page.sum("app_llm_calls_total"))
        self.assertEqual(
            page.sum("app_llm_calls_per_request_count"), page.sum("app_http_requests_total")
        )
        errors = page.by("error_type", "app_llm_calls_total", provider="faulty")
        for fault, error_type in (("429", "rate_limited"), ("500", "server_error")):
            self.assertEqual(errors[error_type], faulty.given[fault])
        self.assertGreater(errors["timeout"], 0)
        self.assertGreater(errors["connect"], 0)
        # Only a reply that is cut off ends before its client has read the beginning.
        self.assertLessEqual(clients.unread, faulty.given["cut"])
        failed = page.sum("app_llm_calls_total", error_type="not_found")
        self.assertGreater(failed, 0)

    def _assert_totals(self, prometheus, seconds, totals):
        """Prometheus has what the clients counted, at the end of each rest."""
        requests = prometheus.query_range(REQUESTS, *seconds)
        tokens = prometheus.query_range("sum(app_token_usage_total)", *seconds)
        for at, (expected_requests, expected_tokens) in totals.items():
            self.assertEqual(requests[at], expected_requests)
            self.assertIn(tokens[at], expected_tokens)

    def _assert_identities(self, prometheus, seconds, clients):
        """Each identity holds at every second: exactly when idle, else but for open requests."""
        values = {
            promql: prometheus.query_range(f"{promql} or vector(0)", *seconds)
            for pair in IDENTITIES.values()
            for promql in pair
        }
        active = prometheus.query_range(f"{ACTIVE} or vector(1)", *seconds)
        requests = values[REQUESTS]
        instants = sorted(requests)
        # A page is read in a few milliseconds, in which requests may begin and end.
        idle = [
            at
            for before, at, after in zip(instants, instants[1:], instants[2:])
            if active[at] == 0 and requests[before] == requests[at] == requests[after] > 0
        ]
        self.assertGreaterEqual(len(idle), PHASES)
        for name, (left, right) in IDENTITIES.items():
            differences = {at: abs(values[left][at] - values[right][at]) for at in instants}
            for at in instants if name in ALWAYS else idle:
                self.assertEqual(differences[at], 0, f"{name} at {at}")
            # Each client has at most one open request, which has at most two calls.
            calls = 2 * clients
            limit = calls * TOKENS_OF_A_REPLY if "tokens" in name else calls
            self.assertLessEqual(max(differences.values()), limit, name)
            print(
                f"{name}: equal at {list(differences.values()).count(0)} of {len(instants)} "
                f"seconds and at all {len(idle)} idle ones, else within {max(differences.values())}"
            )


class FallbacksScrapedByPrometheus3(Fallbacks):
    def scraper(self):
        return self.prometheus_3()
