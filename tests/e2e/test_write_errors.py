"""Write errors of the metrics file: the old file stays, and the worker retries."""

import contextlib
import os
import subprocess
import tempfile

from harness.case import SkipReportingTest
from harness.file_writer import FileWriter
from harness.format_checks import checked_text
from harness.page import Page
from harness.polling import eventually

# Milliseconds between two writes, and the milliseconds that a job takes.
WRITE_INTERVAL = 10
JOB = 1
FAILED = "the metrics were not written to their file"


class WriteErrorTest(SkipReportingTest):
    def start(self, directory, under=()):
        """Starts a worker that writes to a directory, optionally `under` another command."""
        log_directory = tempfile.TemporaryDirectory(prefix="e2e-log-")
        self.addCleanup(log_directory.cleanup)
        self.path = os.path.join(directory, "worker.prom")
        self.log = os.path.join(log_directory.name, "log")
        with open(self.log, "wb") as log:
            writer = FileWriter(self.path, WRITE_INTERVAL, JOB, under, log)
        self.addCleanup(writer.stop)
        return writer

    def assert_written(self, jobs=0):
        """Asserts that the file exists and counts more jobs than these."""
        self.assertTrue(os.path.exists(self.path))
        self.assertGreater(_jobs(self.text()), jobs)

    def text(self):
        """Returns the file's text, after a check that the file is a valid page."""
        with open(self.path) as file:
            return checked_text(file.read())

    def failures(self, reason):
        """Counts the logged write failures and asserts that each has this reason."""
        with open(self.log) as log:
            failed = [line for line in log if FAILED in line]
        for line in failed:
            self.assertIn(self.path, line)
            self.assertIn(reason, line)
        return len(failed)

    def assert_keeps_failing(self, reason):
        """Asserts that the worker retries and fails, and that the file stays unchanged."""
        old, failures = self.text(), self.failures(reason)
        eventually(lambda: self.assertGreater(self.failures(reason), failures + 3))
        self.assertEqual(self.text(), old)


class FullDisk(WriteErrorTest):
    REASON = "No space left on device"

    def test_old_file_stays_while_the_disk_is_full(self):
        disk = self.small_disk("64k")
        writer = self.start(disk)
        eventually(self.assert_written)
        self.assertEqual(self.failures(self.REASON), 0)
        ballast = os.path.join(disk, "ballast")

        def is_full():
            # A write in progress may still hold some of the space, so fill the disk repeatedly.
            _fill(ballast)
            self.assertGreater(self.failures(self.REASON), 0)

        eventually(is_full)
        self.assert_keeps_failing(self.REASON)
        jobs = _jobs(self.text())
        os.remove(ballast)
        eventually(lambda: self.assert_written(jobs))
        failures = self.failures(self.REASON)
        self.assertEqual(writer.stop(), 0)
        self.assertEqual(self.failures(self.REASON), failures)
        self.assertEqual(os.listdir(disk), ["worker.prom"])


class ReadOnlyDirectory(WriteErrorTest):
    REASON = "Permission denied"

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="e2e-read-only-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        writer = self.start(self.directory)
        eventually(self.assert_written)
        self.assertEqual(writer.stop(), 0)
        os.chmod(self.directory, 0o555)
        self.addCleanup(os.chmod, self.directory, 0o755)
        self.under = self._bound_by_modes() if os.access(self.directory, os.W_OK) else []

    def test_old_file_stays_while_the_directory_is_read_only(self):
        writer = self.start(self.directory, self.under)
        self.assert_keeps_failing(self.REASON)
        self.assertEqual(os.listdir(self.directory), ["worker.prom"])
        before = os.stat(self.path).st_ino
        os.chmod(self.directory, 0o755)
        eventually(lambda: self.assertNotEqual(os.stat(self.path).st_ino, before))
        self.assertEqual(writer.stop(), 0)
        self.text()
        self.assertEqual(os.listdir(self.directory), ["worker.prom"])

    def test_exit_code_is_1_if_the_last_write_fails(self):
        old = self.text()
        writer = self.start(self.directory, self.under)
        self.assert_keeps_failing(self.REASON)
        self.assertEqual(writer.stop(), 1)
        self.assertEqual(self.text(), old)

    def _bound_by_modes(self):
        """Returns a command under which root is bound by file modes."""
        capability = "-dac_override"
        setpriv = self.program("setpriv")
        command = [setpriv, f"--bounding-set={capability}", f"--inh-caps={capability}"]
        if subprocess.run([*command, "true"], timeout=30).returncode != 0:
            self._skip("root cannot give up the right to write anywhere")
        return command


def _jobs(text):
    return Page(text).sum("worker_http_requests_total")


def _fill(path):
    """Grows a file until the disk is full."""
    with open(path, "ab", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
