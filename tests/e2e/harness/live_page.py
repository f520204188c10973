"""The live page in a browser, and viewers that read its stream of events themselves."""

import contextlib
import json
import selectors
import shutil
import socket
import time

from harness import raw
from harness.browser import Browser
from harness.case import SkipReportingTest
from harness.gateway import QuietGateway
from harness.polling import eventually

# A window that shows the whole page: rows out of view are not updated.
TALL = (1400, 4000)
TIMEOUT = 30

# Keeps the newest reading as `newestReading`. A call of `alert` is a message on the console.
SCRIPT = """{
    const add = EventSource.prototype.addEventListener;
    EventSource.prototype.addEventListener = function (name, listener) {
        add.call(this, name, (event) => {
            if (name === "reading") window.newestReading = JSON.parse(event.data);
            listener(event);
        });
    };
    window.alert = (text) => console.error(`alert ${text}`);
}"""

# The label values of each row of a table, and its cells: their columns and texts.
ROWS = """[...document.querySelectorAll("#%s-table tbody tr")].map((row) => ({
    names: [...row.querySelectorAll("bdi")].map((name) => name.textContent),
    cells: [...row.cells].map((cell) => [/column-(\\S+)/.exec(cell.className)[1],
        cell.textContent, cell.classList.contains("bad")]),
}))"""
TILES = """[...document.querySelectorAll("#tiles > div")].map((tile) =>
    [...tile.children].map((part) => part.textContent))"""


class LivePage:
    """The live page in a tab."""

    def __init__(self, browser, server, size=TALL, script="", **options):
        """Opens the page of a server."""
        url = f"http://{server.address}/live/"
        self.tab = browser.open(url, size, script=SCRIPT + script, **options)

    def state(self):
        return self.tab.evaluate("document.getElementById('state')?.dataset.state")

    def await_state(self, state, within=TIMEOUT):
        """Waits until the page shows this state."""

        def check():
            shown = self.state()
            assert shown == state, f"the state is {shown}, not {state}: {self.tab.console}"

        eventually(check, within)

    def await_reading(self, seconds=0):
        """Waits for a reading that is made after these seconds, and until it is drawn."""
        uptime = "(window.newestReading?.uptime_ms ?? -1)"
        at_least = self.tab.evaluate(uptime) + seconds * 1000
        assert self.tab.wait_until(f"{uptime} > {at_least}", TIMEOUT), "there is no reading"
        self.tab.evaluate("new Promise((done) => requestAnimationFrame(() => done()))")

    def uptime(self):
        """Returns the uptime of the newest reading, in seconds."""
        return self.tab.evaluate("newestReading.uptime_ms / 1000")

    def rows(self, section):
        """Returns the rows of a section by their label values: the text of each cell by column.

        Rows of model calls have two labels: model and provider, and exceptions type and endpoint.
        """
        rows = self.tab.evaluate(ROWS % section)
        names = [tuple(row["names"]) if len(row["names"]) > 1 else row["names"][0] for row in rows]
        assert len(set(names)) == len(names), f"rows with the same name: {names}"
        return {
            name: {column: text for column, text, _ in row["cells"]}
            for name, row in zip(names, rows, strict=True)
        }

    def bad_cells(self, section):
        """Returns the columns of cells that are drawn in red, for each row in order."""
        rows = self.tab.evaluate(ROWS % section)
        return [[column for column, _, is_bad in row["cells"] if is_bad] for row in rows]

    def tiles(self):
        """Returns the texts of the overview by label: a value and a detail of up to two lines."""
        return {label: (value, detail) for label, value, detail in self.tab.evaluate(TILES)}

    def total(self):
        """Returns the number of requests since the start of the process."""
        detail = self.tiles()["Requests/s"][1]
        return number(detail.splitlines()[1].removesuffix(" since start"))

    def notices(self):
        return self.tab.evaluate(
            "[...document.querySelectorAll('#notices bdi')].map((text) => text.textContent)"
        )

    def click(self, selector):
        """Clicks the element that a selector selects, and waits until the page is drawn."""
        element = f"document.querySelector({json.dumps(selector)})"
        self.tab.evaluate(f"{element}.click()")
        self.tab.evaluate("new Promise((done) => requestAnimationFrame(() => done()))")

    def choose_window(self, seconds):
        self.click(f"input[name=window][value='{seconds}']")

    def filter(self, text, name="endpoint"):
        """Replaces the text of a filter, and returns the seconds until the page is drawn."""
        milliseconds = self.tab.evaluate(
            """(async () => {
                const begun = performance.now();
                const input = document.getElementById("%s-filter");
                input.value = %s;
                input.dispatchEvent(new InputEvent("input"));
                await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
                return performance.now() - begun;
            })()"""
            % (name, json.dumps(text))
        )
        return milliseconds / 1000

    def sort(self, section, column):
        self.click(f"#{section}-table th.column-{column} button")


class LivePageTest(SkipReportingTest):
    """A test with a browser, which the tests of a class share."""

    @classmethod
    def setUpClass(cls):
        if chromium := shutil.which("chromium"):
            cls.browser = Browser(chromium)
            cls.addClassCleanup(cls.browser.stop)

    def setUp(self):
        self.program("chromium")

    def start_gateway(self, *options, pace=1, **others):
        """Starts a gateway that does not wait for its viewers when it is stopped."""
        options = ("--pace", str(pace), "--drain-seconds", "0", *options)
        return self.started(QuietGateway(*options, **others))

    def started(self, server):
        """Stops a server at the end of the test."""
        self.addCleanup(server.stop)
        return server

    def open(self, server, **options):
        """Opens the live page of a server, and waits for its first reading."""
        page = self.open_unready(server, **options)
        page.await_state("live")
        page.await_reading()
        return page

    def open_unready(self, server, **options):
        """Opens the live page of a server."""
        page = LivePage(self.browser, server, **options)
        self.addCleanup(page.tab.close)
        return page


class Viewer:
    """A client of the stream of events, which reads when it is told to."""

    def __init__(self, server, receive_buffer=None):
        """Sends the request, and does not read."""
        host, _, port = server.address.rpartition(":")
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect((host, int(port)))
        # The replies of HTTP/1.0 have no chunks.
        self.socket.sendall(b"GET /live/events HTTP/1.0\r\n\r\n")
        self._received = b""
        self._head = None
        self.has_ended = False
        # When each reading has come, and its bytes.
        self.readings = []

    def close(self):
        self.socket.close()

    def status(self):
        """Reads the head and returns the status."""
        while self._head is None:
            self.read()
        return int(self._head.split()[1])

    def read(self):
        """Reads what there is, or waits for the next bytes."""
        data = self.socket.recv(1 << 20)
        self.has_ended = not data
        assert data or self._head is not None, "the connection was closed before the head"
        self._received += data
        if self._head is None and b"\r\n\r\n" in self._received:
            self._head, _, self._received = self._received.partition(b"\r\n\r\n")
        if self._head is not None:
            *events, self._received = self._received.split(b"\n\n")
            prefix = b"event: reading\ndata: "
            found = [event for event in events if event.startswith(prefix)]
            self.readings += [(time.monotonic(), event.removeprefix(prefix)) for event in found]


def admit_viewer(test, server):
    """Returns a viewer that has a place."""
    viewer = Viewer(server)
    test.addCleanup(viewer.close)
    test.assertEqual(viewer.status(), 200)
    return viewer


def read_all(viewers, seconds):
    """Reads the events of all viewers for some seconds, or until a stream has ended."""
    deadline = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for viewer in viewers:
            selector.register(viewer.socket, selectors.EVENT_READ, viewer)
        while (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                key.data.read()
                if key.data.has_ended:
                    return


def get_all(server, paths):
    """Sends a request for each path over one connection."""
    with contextlib.closing(raw.connect(server)) as connection:
        for path in paths:
            connection.request("GET", path)
            connection.getresponse().read()


def number(text):
    """Returns the number of a text such as `1,234`, `12.5 k`, `3 MB` or `25 %`."""
    amount, _, unit = text.partition("\u202f")
    return float(amount.replace(",", "")) * {"k": 1e3, "M": 1e6, "G": 1e9}.get(unit[:1], 1)
