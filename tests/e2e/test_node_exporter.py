"""A real node-exporter reads the metrics file while a worker writes it."""

import os
import re
import tempfile
import time

from harness.case import SkipReportingTest
from harness.file_writer import FileWriter
from harness.format_checks import checked_text, check_metrics
from harness.node_exporter import NodeExporter
from harness.page import Page
from harness.polling import eventually

# Milliseconds between two writes, and the milliseconds that a job takes.
WRITE_INTERVAL = 10
JOB = 1
# How long node-exporter is scraped.
SECONDS = 5


class NodeExporterReads(SkipReportingTest):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="e2e-textfile-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        # node-exporter may run as another user.
        os.chmod(self.directory, 0o755)
        self.path = os.path.join(self.directory, "worker.prom")
        program = self.program("prometheus-node-exporter")
        self.exporter = NodeExporter(program, self.directory)
        self.addCleanup(self.exporter.stop)

    def test_node_exporter_never_reads_an_incomplete_file(self):
        writer = self._writer()
        eventually(self._assert_read)
        deadline, scrapes, jobs, files = time.monotonic() + SECONDS, 0, 0, set()
        while time.monotonic() < deadline:
            page = self.exporter.page()
            self._assert_no_error(page)
            done = page.sum("worker_http_requests_total", endpoint="work")
            self.assertGreaterEqual(done, jobs)
            jobs, scrapes = done, scrapes + 1
            files.add(os.stat(self.path).st_ino)
        self.assertEqual(writer.stop(), 0)
        print(f"{scrapes} scrapes, {jobs:.0f} jobs, {len(files)} inodes", end=" ... ", flush=True)
        self.assertGreater(scrapes, 50)
        self.assertGreater(jobs, 100)
        self.assertGreater(len(files), 1)
        self.assertEqual(os.listdir(self.directory), ["worker.prom"])
        self.assertNotIn("level=error", self.exporter.log())

    def test_node_exporter_shows_the_last_write_of_the_worker(self):
        writer = self._writer()
        eventually(self._assert_read)
        self.assertEqual(writer.stop(), 0)
        text = checked_text(_read(self.path))
        self.assertTrue(text.endswith("\n"))
        page, file_page = self.exporter.page(), Page(text)
        self._assert_no_error(page)
        for name in ("worker_http_requests_total", "worker_exceptions_total"):
            self.assertGreater(file_page.sum(name), 0)
            self.assertEqual(page.by("status", name), file_page.by("status", name))
        # The job that was running when the worker was stopped.
        self.assertEqual(file_page.sum("worker_active_requests"), 0)
        self.assertEqual(file_page.sum("worker_http_requests_total", outcome="cancelled"), 1)
        self.assertEqual(len(page.series("worker_build_info")), 1)

    def test_promtool_reports_nothing_about_the_file(self):
        promtool = self.program("promtool")
        writer = self._writer()
        eventually(self._assert_read)
        self.assertEqual(writer.stop(), 0)
        self.assertEqual(check_metrics(promtool, _read(self.path)), ("", 0))

    def test_file_is_synced_before_it_is_renamed(self):
        strace, log = self.program("strace"), os.path.join(self.directory, "calls")
        # With -D the started process is the worker, not strace, so `stop` reaches the worker.
        options = ["-D", "-f", "-e", "trace=openat,fsync,rename,renameat,renameat2", "-o", log]
        writer = FileWriter(self.path, WRITE_INTERVAL, JOB, [strace, *options])
        self.addCleanup(writer.stop)
        eventually(self._assert_read)
        self.assertEqual(writer.stop(), 0)
        eventually(lambda: self.assertIn("+++ exited with 0 +++", _read(log)))
        calls = _read(log)
        names = re.findall(r'openat\([^"]*"([^"]*\.tmp)", [^)]*O_CREAT[^)]*\) = (\d+)', calls)
        self.assertGreater(len(names), 1)
        for name, number in names:
            created, renamed = calls.index(f'"{name}", O_'), calls.index(f'"{name}", "')
            self.assertIn(f"fsync({number}", calls[created:renamed], name)

    def _writer(self):
        writer = FileWriter(self.path, WRITE_INTERVAL, JOB)
        self.addCleanup(writer.stop)
        return writer

    def _assert_read(self):
        page = self.exporter.page()
        self.assertGreater(page.sum("worker_http_requests_total"), 3)
        self.assertGreater(page.sum("worker_exceptions_total"), 0)

    def _assert_no_error(self, page):
        self.assertEqual(page.series("node_textfile_scrape_error"), [({}, 0)])
        [(_, success)] = page.series("node_scrape_collector_success", collector="textfile")
        self.assertEqual(success, 1)
        files = [labels["file"] for labels, _ in page.series("node_textfile_mtime_seconds")]
        self.assertEqual(files, [self.path])


def _read(path):
    with open(path) as file:
        return file.read()
