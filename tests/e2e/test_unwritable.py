"""Where the file of a worker cannot be written the old one stays, and the worker goes on until it can."""

import contextlib
import os
import subprocess
import tempfile

from harness.case import LoudTest
from harness.file_writer import FileWriter
from harness.judge import judged_text
from harness.page import Page
from harness.polling import eventually

EVERY = 10
JOB = 1
FAILED = "the metrics were not written to their file"


class UnwritableTest(LoudTest):
    def start(self, directory, under=()):
        """Starts a worker whose file is in a directory."""
        own = tempfile.TemporaryDirectory(prefix="e2e-log-")
        self.addCleanup(own.cleanup)
        self.path, self.log = os.path.join(directory, "worker.prom"), os.path.join(own.name, "log")
        with open(self.log, "wb") as log:
            writer = FileWriter(self.path, EVERY, JOB, under, log)
        self.addCleanup(writer.stop)
        return writer

    def assert_written(self, jobs=0):
        """Makes sure that the file is there, and tells of more jobs than these."""
        self.assertTrue(os.path.exists(self.path))
        self.assertGreater(_jobs(self.text()), jobs)

    def text(self):
        """The file as it is, which is whole."""
        with open(self.path) as file:
            return judged_text(file.read())

    def failures(self, why):
        """How often it has told that a write failed, and why; it tells of no other reason."""
        with open(self.log) as log:
            told = [line for line in log if FAILED in line]
        for line in told:
            self.assertIn(self.path, line)
            self.assertIn(why, line)
        return len(told)

    def assert_fails_on(self, why):
        """Makes sure that it goes on to try, and to fail, while the file stays as it is."""
        old, failures = self.text(), self.failures(why)
        eventually(lambda: self.assertGreater(self.failures(why), failures + 3))
        self.assertEqual(self.text(), old)


class FullDisk(UnwritableTest):
    WHY = "No space left on device"

    def test_the_old_file_stays_until_there_is_room_again(self):
        disk = self.small_disk("64k")
        writer = self.start(disk)
        eventually(self.assert_written)
        self.assertEqual(self.failures(self.WHY), 0)
        ballast = os.path.join(disk, "ballast")

        def is_full():
            # A write that is under way has some of the room.
            _fill(ballast)
            self.assertGreater(self.failures(self.WHY), 0)

        eventually(is_full)
        self.assert_fails_on(self.WHY)
        jobs = _jobs(self.text())
        os.remove(ballast)
        eventually(lambda: self.assert_written(jobs))
        failures = self.failures(self.WHY)
        self.assertEqual(writer.stop(), 0)
        self.assertEqual(self.failures(self.WHY), failures)
        self.assertEqual(os.listdir(disk), ["worker.prom"])


class ReadOnlyDirectory(UnwritableTest):
    WHY = "Permission denied"

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

    def test_the_old_file_stays_until_the_directory_is_writable_again(self):
        writer = self.start(self.directory, self.under)
        self.assert_fails_on(self.WHY)
        self.assertEqual(os.listdir(self.directory), ["worker.prom"])
        before = os.stat(self.path).st_ino
        os.chmod(self.directory, 0o755)
        eventually(lambda: self.assertNotEqual(os.stat(self.path).st_ino, before))
        self.assertEqual(writer.stop(), 0)
        self.text()
        self.assertEqual(os.listdir(self.directory), ["worker.prom"])

    def test_a_last_write_that_fails_is_told_by_the_exit_code(self):
        old = self.text()
        writer = self.start(self.directory, self.under)
        self.assert_fails_on(self.WHY)
        self.assertEqual(writer.stop(), 1)
        self.assertEqual(self.text(), old)

    def _bound_by_modes(self):
        """The command under which root may write where the mode says so, and nowhere else."""
        right = "-dac_override"
        command = [self.program("setpriv"), f"--bounding-set={right}", f"--inh-caps={right}"]
        if subprocess.run([*command, "true"], timeout=30).returncode != 0:
            self._skip("root cannot give up the right to write anywhere")
        return command


def _jobs(text):
    return Page(text).sum("worker_http_requests_total")


def _fill(path):
    """Lets a file take all the room there is."""
    with open(path, "ab", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
