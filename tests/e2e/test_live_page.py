"""The live page of the gateway in Chromium: what it loads, what it shows, and its controls."""

import time

from harness import raw
from harness.chat import ANTHROPIC_PATH, ANTHROPIC_PLAIN, MESSAGES, MODEL, OPENAI_PATH
from harness.chat import OPENAI_STREAM
from harness.fault_server import FaultServer
from harness.live_page import LivePageTest, get_all, number
from harness.polling import eventually

OPENAI_PLAIN = {"model": MODEL, "messages": MESSAGES}
RESOURCES = "performance.getEntriesByType('resource').map((entry) => entry.name)"
# Adds code to a page, and loads something from another server.
INJECTION = """
    document.head.append(
        Object.assign(document.createElement("script"), { textContent: "window.isInjected = 1" }));
    document.body.setAttribute("onclick", "window.isInjected = 1");
    document.body.click();
    document.body.append(
        Object.assign(document.createElement("img"), { src: "http://127.0.0.1:9/elsewhere.png" }));
"""
# Whether each chart of the sections that are shown has something drawn on it.
DRAWN = """[...document.querySelectorAll("section:not([hidden]) figure canvas")].map((canvas) =>
    canvas.width > 0 && canvas.getContext("2d")
        .getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0))"""


class Resources(LivePageTest):
    def setUp(self):
        super().setUp()
        self.gateway = self.start_gateway()

    def test_page_opens_without_a_message_on_the_console(self):
        page = self.open(self.gateway)
        page.await_reading(seconds=1)
        self.assertEqual(page.tab.console, [])
        loaded = page.tab.evaluate(RESOURCES)
        self.assertIn(f"{self.gateway.url}/live/live.css", loaded)
        self.assertIn(f"{self.gateway.url}/live/vectors.js", loaded)
        self.assertEqual([url for url in loaded if not url.startswith(self.gateway.url)], [])

    def test_path_without_a_slash_leads_to_the_page(self):
        tab = self.browser.open(f"{self.gateway.url}/live", (800, 600))
        self.assertTrue(tab.wait_until("document.getElementById('state')?.dataset.state === 'live'"))
        self.assertEqual(tab.console, [])

    def test_policy_blocks_code_that_is_added_to_the_page(self):
        page = self.open(self.gateway)
        page.tab.evaluate(INJECTION)

        def check():
            refusals = [text for text in page.tab.console if "Content Security Policy" in text]
            for blocked in ("inline script", "inline event handler", "elsewhere.png"):
                self.assertTrue(any(blocked in text for text in refusals), page.tab.console)

        eventually(check)
        self.assertFalse(page.tab.evaluate("'isInjected' in window"))

    def test_unknown_path_has_the_policy(self):
        reply = raw.get(self.gateway, "/live/unknown.js")
        self.assertEqual((reply.status, reply.body), (404, b""))
        self.assertEqual(reply.headers["content-security-policy"], "default-src 'self'")


class Disabled(LivePageTest):
    def test_page_says_that_nothing_is_recorded(self):
        server = self.started(FaultServer(environment={"STREAMGAUGE_DISABLED": "1"}))
        get_all(server, ["/ok"])
        page = self.open(server)
        [notice] = page.notices()
        self.assertIn("STREAMGAUGE_DISABLED: nothing is recorded", notice)
        self.assertEqual((page.total(), page.tab.console), (0, []))


class Numbers(LivePageTest):
    def setUp(self):
        super().setUp()
        self.gateway = self.start_gateway()

    def test_numbers_equal_the_metrics_page(self):
        for path, body, times in (
            (OPENAI_PATH, OPENAI_PLAIN, 3),
            (OPENAI_PATH, OPENAI_STREAM, 2),
            (OPENAI_PATH, {**OPENAI_PLAIN, "model": "unknown"}, 1),
            (ANTHROPIC_PATH, ANTHROPIC_PLAIN, 4),
            ("/generate", {"prompt": "Hello", "model": "demo-1-mini"}, 2),
        ):
            for _ in range(times):
                raw.post(self.gateway, path, body)
        ways = ("", "?mode=error", "?mode=teapot", "?mode=error")
        get_all(self.gateway, [f"/risky{way}" for way in ways])
        get_all(self.gateway, ["/stream", "/stream2", "/nowhere"])
        metrics = self.gateway.page()
        page = self.open(self.gateway)

        def check():
            self._check_requests(page, metrics)
            self._check_streams(page, metrics)
            self._check_calls(page, metrics)
            self._check_exceptions(page, metrics)

        # The parts of the page are read one after the other, while it changes.
        eventually(check)
        self.assertEqual(page.tab.console, [])

    def _check_requests(self, page, metrics):
        rows = page.rows("request")
        self.assertEqual(rows.keys(), metrics.values("app_http_requests_total", "endpoint"))
        for endpoint, row in rows.items():
            outcomes = metrics.by("outcome", "app_http_requests_total", endpoint=endpoint)
            total = sum(outcomes.values())
            self.assertEqual(number(row["total"]), total, endpoint)
            self._check_share(row["failed"], outcomes.get("server_error", 0), total)
            self._check_share(row["client-errors"], outcomes.get("client_error", 0), total)
            self._check_share(row["cancelled"], 0, total)
            self._check_rate(page, row["rate"], total)
        self.assertEqual(page.total(), metrics.sum("app_http_requests_total"))
        self.assertTrue(page.tiles()["Failed"][1].startswith("2 failed\n"), page.tiles())

    def _check_streams(self, page, metrics):
        rows = page.rows("stream")
        self.assertEqual(rows.keys(), metrics.values("app_active_streams", "endpoint"))
        for endpoint, row in rows.items():
            def of(name, endpoint=endpoint):
                return metrics.sum(f"app_stream_{name}", endpoint=endpoint)

            self.assertEqual(number(row["total"]), of("duration_seconds_count"), endpoint)
            self._check_rate(page, row["chunks"], of("chunks_total"))
            self._check_rate(page, row["bytes"], of("bytes_total"))
            has_any = of("duration_seconds_count") > 0
            self.assertEqual(row["ended"], "100\u202f% complete" if has_any else "none ended")

    def _check_calls(self, page, metrics):
        rows = page.rows("call")
        models = metrics.values("app_llm_calls_total", "model")
        self.assertEqual(rows.keys(), {(model, "demo") for model in models})
        for (model, _), row in rows.items():
            def tokens(model=model, **labels):
                return metrics.sum("app_token_usage_total", model=model, **labels)

            calls = metrics.sum("app_llm_calls_total", model=model)
            self.assertEqual(number(row["total"]), calls, model)
            self._check_rate(page, row["rate"], calls)
            self._check_rate(page, row["input"], tokens(token_type="input"))
            self._check_rate(page, row["output"], tokens(token_type="output"))
            self._check_share(row["cached"], tokens(detail="cache_read"), tokens(token_type="input"))
        output = metrics.sum("app_token_usage_total", token_type="output")
        self._check_rate(page, page.tiles()["Tokens out/s"][0], output)

    def _check_exceptions(self, page, metrics):
        rows = {name: number(row["total"]) for name, row in page.rows("exception").items()}
        expected = metrics.by("exception_type", "app_exceptions_total")
        self.assertEqual(rows, {
            (name, endpoint): count
            for name, count in expected.items()
            for endpoint in metrics.by("endpoint", "app_exceptions_total", exception_type=name)
        })

    def _check_share(self, shown, part, whole):
        if whole == 0:
            self.assertEqual(shown, "–")
        else:
            self.assertAlmostEqual(number(shown), 100 * part / whole, delta=0.06)

    def _check_rate(self, page, shown, total):
        """A rate is the average since the start, with three digits."""
        rate = total / page.uptime()
        self.assertAlmostEqual(number(shown), rate, delta=max(0.0051, rate * 0.0051))


class Changes(LivePageTest):
    def setUp(self):
        super().setUp()
        # Streamed replies take longer than a test, on a busy machine, too.
        self.gateway = self.start_gateway(pace=500)

    def test_client_disconnect_shows_within_two_seconds(self):
        page = self.open(self.gateway)
        connection = raw.connect(self.gateway)
        response = raw.begin_post(connection, OPENAI_PATH, OPENAI_STREAM)
        response.readline()

        def is_active():
            self.assertIn(OPENAI_PATH, page.rows("stream"))
            self.assertEqual(page.rows("stream")[OPENAI_PATH]["active"], "1")
            self.assertEqual(page.tiles()["Active streams"][0], "1")

        eventually(is_active)
        response.close()
        connection.close()
        cut = time.monotonic()

        def has_ended():
            row = page.rows("stream")[OPENAI_PATH]
            self.assertEqual((row["active"], row["total"]), ("0", "1"))
            self.assertRegex(row["ended"], "^0\u202f% complete · 1 disconnect")
            self.assertEqual(page.rows("request")[OPENAI_PATH]["cancelled"], "100\u202f%")

        eventually(has_ended)
        self.assertLess(time.monotonic() - cut, 2)

    def test_age_of_the_oldest_request_in_flight_is_shown(self):
        early = self._begin_stream()
        page = self.open(self.gateway)

        def oldest_is(pattern):
            self.assertRegex(page.rows("request")[OPENAI_PATH]["oldest"], pattern)
            self.assertRegex(page.tiles()["In flight"][1], f"^oldest {pattern}")

        # Of a request from before the page, only a lower limit is known.
        eventually(lambda: oldest_is(r">\d"))
        late = self._begin_stream()
        eventually(lambda: self.assertEqual(page.tiles()["In flight"][0], "2"))
        oldest_is(r">\d")
        early()
        eventually(lambda: oldest_is(r"\d"))
        late()
        eventually(lambda: self.assertEqual(page.tiles()["In flight"], ("0", "none")))

    def _begin_stream(self):
        """Begins a stream, and returns a function that cuts it."""
        connection = raw.connect(self.gateway)
        response = raw.begin_post(connection, OPENAI_PATH, OPENAI_STREAM)
        response.readline()

        def cut():
            response.close()
            connection.close()

        return cut

    def test_errors_show_as_failed_within_two_seconds(self):
        page = self.open(self.gateway)
        self.assertEqual(page.tiles()["Failed"][0], "–")
        get_all(self.gateway, ["/risky?mode=error"])
        failed = time.monotonic()

        def check():
            self.assertEqual(page.tiles()["Failed"][0], "100\u202f%")
            self.assertEqual(page.rows("request")["/risky"]["failed"], "100\u202f%")
            self.assertIn(["failed"], page.bad_cells("request"))
            recent = {name: row["recent"] for name, row in page.rows("exception").items()}
            self.assertEqual(recent, {("RiskError", "/risky"): "1"})

        eventually(check)
        self.assertLess(time.monotonic() - failed, 2)

    def test_rows_that_come_into_view_are_current(self):
        get_all(self.gateway, ["/risky?mode=error"])
        page = self.open(self.gateway, size=(1280, 300))
        page.tab.evaluate("scrollTo(0, 0)")
        page.await_reading()
        get_all(self.gateway, ["/risky?mode=error"] * 2)
        page.await_reading(seconds=1)
        page.tab.evaluate("document.getElementById('exceptions').scrollIntoView()")

        def check():
            self.assertEqual(page.rows("exception")["RiskError", "/risky"]["total"], "3")

        eventually(check, within=0.9)

    def test_print_has_all_charts_and_current_rows(self):
        get_all(self.gateway, ["/risky?mode=error"])
        page = self.open(self.gateway, size=(1280, 300))
        get_all(self.gateway, ["/risky?mode=error"] * 2)
        page.await_reading(seconds=1)
        page.tab.evaluate("""addEventListener("afterprint", () => {
            window.printed = [%s, document.getElementById("exceptions").textContent];
        })""" % DRAWN)
        page.tab.print_page()
        drawn, exceptions = page.tab.evaluate("printed")
        self.assertEqual(len(drawn), 6)
        self.assertTrue(all(drawn), drawn)
        self.assertIn("RiskError/risky33", exceptions)


class Controls(LivePageTest):
    def setUp(self):
        super().setUp()
        self.gateway = self.start_gateway()
        get_all(self.gateway, ["/risky"] * 3 + ["/stream"] * 2 + ["/v1/models"] * 4)
        raw.post(self.gateway, OPENAI_PATH, OPENAI_PLAIN)

    def test_filters_select_rows_and_totals(self):
        page = self.open(self.gateway)
        page.filter("/V1")
        self.assertEqual(page.rows("request").keys(), {"/v1/models", OPENAI_PATH})
        self.assertEqual(page.total(), 5)
        self.assertEqual(page.rows("stream"), {})
        page.filter("nothing has this name")
        self.assertEqual(page.rows("request"), {})
        empty = "document.querySelector('#request-table .empty').checkVisibility()"
        self.assertTrue(page.tab.evaluate(empty))
        page.filter("")
        self.assertEqual(page.total(), 10)
        self.assertEqual(page.rows("stream").keys(), {"/stream"})
        page.filter("DEMO-1", "model")
        self.assertEqual(page.rows("call").keys(), {("demo-1", "demo")})
        page.filter("unknown", "model")
        self.assertEqual(page.rows("call"), {})
        self.assertEqual(page.tiles()["Calls failed"][1], "0 of\n0 calls")

    def test_tables_are_sorted_by_a_column(self):
        page = self.open(self.gateway)
        busiest = ["/v1/models", "/risky", "/stream", OPENAI_PATH]
        self.assertEqual(list(page.rows("request"))[:4], busiest)
        page.sort("request", "total")
        self.assertEqual(list(page.rows("request"))[:4], busiest)
        page.sort("request", "total")
        self.assertEqual(list(page.rows("request"))[-4:], busiest[::-1])
        page.sort("request", "endpoint")
        self.assertEqual(list(page.rows("request")), sorted(page.rows("request")))

    def test_pause_holds_the_numbers_and_keeps_the_readings(self):
        page = self.open(self.gateway)
        self.assertEqual(page.total(), 10)
        page.click("#pause")
        self.assertEqual(page.state(), "paused")
        get_all(self.gateway, ["/risky"] * 5)
        page.await_reading(seconds=2)
        self.assertEqual((page.state(), page.total()), ("paused", 10))
        page.click("#pause")
        self.assertEqual((page.state(), page.total()), ("live", 15))

    def test_keyboard_reaches_all_controls_in_order(self):
        page = self.open(self.gateway)
        focused = """(({ id, className, name, value, parentElement }) =>
            id || name && `${name} ${value}` || className || parentElement.className
        )(document.activeElement)"""
        reached = []
        for _ in range(12):
            page.tab.press("Tab")
            reached.append(page.tab.evaluate(focused))
        self.assertEqual(reached, [
            "skip", "endpoint-filter", "window 300", "pause", "scroll",
            "start column-endpoint", "end column-rate", "end column-total", "end column-failed",
            "end column-client-errors", "end column-cancelled", "end column-p50",
        ])

    def test_keyboard_changes_the_order_the_window_and_the_pause(self):
        page = self.open(self.gateway)
        header = "#request-table th.column-total"
        sort = f"document.querySelector('{header}').getAttribute('aria-sort')"
        page.tab.evaluate(f"document.querySelector('{header} button').focus()")
        for key, order in (("Enter", "descending"), (" ", "ascending"), ("Enter", "descending")):
            page.tab.press(key)
            self.assertEqual(page.tab.evaluate(sort), order)
        page.tab.evaluate("document.querySelector('input[name=window]:checked').focus()")
        page.tab.press("ArrowLeft")
        checked = "document.querySelector('input[name=window]:checked').value"
        self.assertEqual(page.tab.evaluate(checked), "60")
        page.tab.evaluate("document.getElementById('pause').focus()")
        page.tab.press(" ")
        self.assertEqual(page.state(), "paused")
        page.tab.evaluate("document.getElementById('endpoint-filter').focus()")
        page.tab.enter("/risky")
        self.assertTrue(page.tab.wait_until("document.querySelectorAll('tbody tr').length > 0"))

        def check():
            self.assertEqual(page.rows("request").keys(), {"/risky"})

        eventually(check)
