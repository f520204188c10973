"""The bases of all tests here: a fresh gateway, and loud words about what could not be tested."""

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from harness.gateway import Gateway
from harness.polling import eventually


class LoudTest(unittest.TestCase):
    """A test that says what it misses."""

    def module(self, name):
        """A library from requirements.txt; without it this test is skipped."""
        try:
            return importlib.import_module(name)
        except ImportError:
            self._skip(f"the Python library `{name}` is not installed")

    def program(self, name):
        """The path of a program; without it this test is skipped."""
        path = shutil.which(name)
        if path is None:
            self._skip(f"the program `{name}` is not on the PATH")
        return path

    def prometheus_3(self):
        """The path of a Prometheus 3, which asks for more than its elders; without it this test is skipped."""
        path = os.environ.get("PROMETHEUS_3", "")
        if not os.access(path, os.X_OK):
            self._skip("there is no Prometheus 3")
        return path

    def small_disk(self, size):
        """A directory that is a disk of its own, of this size; without the right to mount one this test is skipped."""
        mount = self.program("mount")
        directory = tempfile.TemporaryDirectory(prefix="e2e-disk-")
        self.addCleanup(directory.cleanup)
        mounted = subprocess.run(
            [mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory.name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if mounted.returncode != 0:
            self._skip(f"no disk can be mounted here: {mounted.stdout.strip()}")
        self.addCleanup(subprocess.run, ["umount", directory.name], check=True)
        return directory.name

    def _skip(self, reason):
        print(f"\nNOT TESTED: {self.id()}: {reason}", file=sys.stderr, flush=True)
        raise unittest.SkipTest(reason)


class EndToEndTest(LoudTest):
    """A test that talks to a gateway of its own."""

    # The gateway's pause before each token, in milliseconds.
    pace = 5

    def setUp(self):
        self.gateway = Gateway("--pace", str(self.pace))
        self.addCleanup(self.gateway.stop)

    def page(self):
        return self.gateway.page()

    def page_at_rest(self, gateway=None):
        """The metrics once every request and stream has ended, of `self.gateway` or another."""

        def at_rest():
            page = (gateway or self.gateway).page()
            self.assertEqual(page.by("endpoint", "app_active_requests"), {})
            self.assertEqual(page.by("endpoint", "app_active_streams"), {})
            return page

        return eventually(at_rest)
