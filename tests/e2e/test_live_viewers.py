"""The viewers of the live page: restarts of the server, many viewers, and viewers that do not read."""

import contextlib
import threading
import time

from harness import raw
from harness.case import SkipReportingTest
from harness.chat import MESSAGES, MODEL, OPENAI_PATH
from harness.fault_server import FaultServer
from harness.live_page import LivePageTest, Viewer, admit_viewer, get_all, read_all
from harness.polling import eventually

RESTART = "The process has restarted. All numbers begin at the restart."


class Restarts(LivePageTest):
    def test_page_reconnects_after_a_restart_and_begins_at_zero(self):
        gateway = self.start_gateway()
        get_all(gateway, ["/risky"] * 5)
        raw.post(gateway, OPENAI_PATH, {"model": MODEL, "messages": MESSAGES})
        page = self.open(gateway)
        self.assertEqual(page.total(), 6)
        gateway.stop()
        page.await_state("lost")
        self.assertEqual(page.notices(), [])

        self.start_gateway(listen=gateway.address)
        page.await_state("restarted")
        page.await_reading()
        self.assertEqual(page.notices(), [RESTART])
        self.assertEqual((page.total(), page.rows("request"), page.rows("call")), (0, {}, {}))
        get_all(gateway, ["/risky"] * 2)

        def check():
            self.assertEqual(page.total(), 2)
            self.assertEqual(page.rows("request")["/risky"]["total"], "2")

        eventually(check)
        page.await_state("live")
        page.click("#notices button")
        self.assertEqual(page.notices(), [])

    def test_page_is_stale_while_the_server_hangs(self):
        server = self.started(FaultServer())
        page = self.open(server)
        server.process.pause()
        page.await_state("stale")
        server.process.resume()
        page.await_state("live")
        self.assertEqual((page.notices(), page.tab.console), ([], []))


class Places(LivePageTest):
    def test_page_without_a_place_says_so_and_gets_the_next_one(self):
        server = self.started(FaultServer())
        pages = [self.open(server), self.open(server)]
        others = [admit_viewer(self, server) for _ in range(14)]
        over = self.read_in_background(others)
        late = self.open_unready(server)
        late.await_state("refused")
        self.assertEqual([page.state() for page in pages], ["live", "live"])
        over()
        others.pop().close()
        late.await_state("live")
        late.await_reading()
        self.assertEqual(late.total(), pages[0].total())

    def read_in_background(self, viewers):
        """Reads until the returned function is called, so that no viewer loses its place."""
        over = threading.Event()

        def read():
            while not over.is_set():
                read_all(viewers, 0.2)

        thread = threading.Thread(target=read, daemon=True)
        thread.start()

        def stop():
            over.set()
            thread.join(raw.TIMEOUT)

        self.addCleanup(stop)
        return stop


class Readings(SkipReportingTest):
    def test_hundred_viewers_get_the_same_reading_each_second(self):
        server = FaultServer("--max-viewers", "100")
        self.addCleanup(server.stop)
        viewers = [admit_viewer(self, server) for _ in range(100)]
        read_all(viewers, 1.5)
        for viewer in viewers:
            viewer.readings.clear()
        # Readings that are made one after the other would differ.
        over = threading.Event()
        traffic = threading.Thread(target=self._send, args=(server, over), daemon=True)
        traffic.start()
        begun = time.monotonic()
        read_all(viewers, 5)
        seconds = time.monotonic() - begun
        over.set()
        traffic.join(raw.TIMEOUT)
        distinct = {data for viewer in viewers for _, data in viewer.readings}
        self.assertLessEqual(len(distinct), seconds + 1)
        for viewer in viewers:
            self.assertGreaterEqual(len(viewer.readings), 4)
        self.assertGreater(len(distinct), 3)
        with contextlib.closing(Viewer(server)) as refused:
            self.assertEqual(refused.status(), 503)

    def test_viewer_that_never_reads_costs_no_memory_and_loses_its_place(self):
        # Readings of a quarter of a megabyte, which fill the buffers of the connection.
        server = FaultServer("--max-viewers", "2", "--streams", "200")
        self.addCleanup(server.stop)
        reader = admit_viewer(self, server)
        read_all([reader], 1.5)
        self.assertGreater(len(reader.readings[-1][1]), 200_000)
        idle = Viewer(server, receive_buffer=4096)
        self.addCleanup(idle.close)
        read_all([reader], 4)
        before = server.process.resident_kib()

        def admitted():
            read_all([reader], 0.5)
            return admit_viewer(self, server)

        third = eventually(admitted, within=40)
        read_all([reader, third], 2.5)
        self.assertGreater(len(third.readings), 1)
        self.assertLess(server.process.resident_kib() - before, 4096)
        times = [at for at, _ in reader.readings]
        gaps = [later - at for at, later in zip(times, times[1:])]
        self.assertGreater(len(gaps), 10)
        self.assertLess(max(gaps), 2.5)
        while not idle.has_ended:
            idle.read()
        # What the buffers held: no reading that became due later was kept.
        self.assertLess(len(idle.readings), len(reader.readings) - 8)

    def _send(self, server, over):
        while not over.is_set():
            get_all(server, ["/ok"] * 100)
