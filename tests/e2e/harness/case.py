"""Base classes of the end-to-end tests."""

import glob
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from harness.gateway import Gateway
from harness.polling import eventually


class SkipReportingTest(unittest.TestCase):
    """A test that prints NOT TESTED and the reason when it is skipped."""

    def module(self, name):
        """Returns a library from requirements.txt, or skips the test if it is not installed."""
        try:
            return importlib.import_module(name)
        except ImportError:
            self._skip(f"the Python library `{name}` is not installed")

    def program(self, name):
        """Returns the path of a program, or skips the test if it is not on the PATH."""
        path = shutil.which(name)
        if path is None:
            self._skip(f"the program `{name}` is not on the PATH")
        return path

    def run_program(self, name, *arguments):
        """Runs a program to its successful end, or skips the test if the program is missing."""
        run = subprocess.run(
            [self.program(name), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        self.assertEqual(run.returncode, 0, run.stdout)

    def javascript_clients(self):
        """Returns the command of js/clients.mjs, or reports None without node or its packages."""
        node = shutil.which("node")
        script = os.environ.get("JAVASCRIPT_CLIENTS", "")
        if node is None:
            self._report("JavaScript clients: the program `node` is not on the PATH")
            return None
        if not os.path.exists(script):
            self._report("JavaScript clients: JAVASCRIPT_CLIENTS does not name clients.mjs")
            return None
        return [node, script]

    def javascript_packages(self):
        """Returns the directory of the packages of js/package.json, or skips the test."""
        directory = os.path.dirname(os.environ.get("JAVASCRIPT_CLIENTS", ""))
        packages = os.path.join(directory, "node_modules")
        if not directory or not os.path.isdir(packages):
            self._skip("JAVASCRIPT_CLIENTS does not name clients.mjs, which is beside its packages")
        return packages

    def installed(self, variable, package):
        """Returns the directory that tests/e2e/run has made of a package, or skips the test."""
        directory = os.environ.get(variable, "")
        if not os.path.isdir(directory):
            self._skip(f"{variable} does not name the installed {package}")
        return directory

    def prometheus_3(self):
        """Returns the path of a Prometheus 3 (stricter than version 2), or skips the test."""
        path = os.environ.get("PROMETHEUS_3", "")
        if not os.access(path, os.X_OK):
            self._skip("PROMETHEUS_3 does not name a Prometheus 3")
        return path

    def faketime(self):
        """Returns the path of libfaketime for programs with threads, or skips the test."""
        pattern = "usr/lib/*/faketime/libfaketimeMT.so.1"
        roots = ["/", os.environ.get("DEBIAN_PACKAGES", "/")]
        found = [path for root in roots for path in glob.glob(os.path.join(root, pattern))]
        if not found:
            self._skip("libfaketime is not installed")
        return found[0]

    def firefox(self):
        """Returns the path of Firefox, or skips the test."""
        path = shutil.which("firefox-esr") or shutil.which("firefox")
        if path is None:
            self._skip("neither the program `firefox-esr` nor `firefox` is on the PATH")
        return path

    def small_disk(self, size):
        """Mounts a file system of this size and returns its directory, or skips the test."""
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
            self._skip(f"a tmpfs cannot be mounted: {mounted.stdout.strip()}")
        self.addCleanup(subprocess.run, ["umount", directory.name], check=True)
        return directory.name

    def _skip(self, reason):
        self._report(reason)
        raise unittest.SkipTest(reason)

    def _report(self, reason):
        print(f"\nNOT TESTED: {self.id()}: {reason}", file=sys.stderr, flush=True)


class EndToEndTest(SkipReportingTest):
    """A test with a gateway of its own."""

    # The gateway's pause before each token, in milliseconds.
    pace = 5

    def setUp(self):
        self.gateway = Gateway("--pace", str(self.pace))
        self.addCleanup(self.gateway.stop)

    def page(self):
        return self.gateway.page()

    def page_at_rest(self, gateway=None):
        """Waits until no request or stream is active and returns the page of `gateway`."""

        def at_rest():
            page = (gateway or self.gateway).page()
            self.assertEqual(page.by("endpoint", "app_active_requests"), {})
            self.assertEqual(page.by("endpoint", "app_active_streams"), {})
            return page

        return eventually(at_rest)
