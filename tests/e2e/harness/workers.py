"""Runs all test modules, two at a time, and prints the output of each when it ends.

Modules whose tests put a server under load run one after the other in the first worker: together
they would miss their lower bounds of requests and scrapes. The second worker runs the other
modules, which mostly wait.
"""

import concurrent.futures
import glob
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

UNDER_LOAD = [
    "test_all_faults",
    "test_fallbacks",
    "test_live_bad_input",
    "test_live_viewers",
    "test_scrape_attacks",
    "test_scrapes_under_load",
    "test_soak",
]
# Occupy both processors. Their tests have no time limits that a server under load could exceed.
NICE = ["test_dashboards", "test_pages"]


def main():
    """Returns the exit code: 1 if a module failed."""
    modules = sorted(os.path.splitext(path)[0] for path in glob.glob("test_*.py"))
    missing = set(UNDER_LOAD + NICE) - set(modules)
    assert not missing, f"there are no modules {missing}"
    others = NICE + [module for module in modules if module not in UNDER_LOAD + NICE]
    begun = time.monotonic()
    run = Run()
    with concurrent.futures.ThreadPoolExecutor() as workers:
        results = [workers.submit(run.all, modules) for modules in (UNDER_LOAD, others)]
        try:
            failed = sum((result.result() for result in results), start=[])
        except KeyboardInterrupt:
            run.interrupt()
            raise
    print(f"\n{len(modules)} modules in {time.monotonic() - begun:.0f} s; failed: {failed}")
    return 1 if failed else 0


class Run:
    """The processes that run modules at the moment."""

    def __init__(self):
        self._interrupted = threading.Event()
        self._running = set()

    def interrupt(self):
        """Ends the modules that run, each of which stops its servers, and starts no others."""
        self._interrupted.set()
        for process in list(self._running):
            process.send_signal(signal.SIGINT)

    def all(self, modules):
        """Runs modules one after the other and returns those that failed."""
        return [module for module in modules if not self._passes(module)]

    def _passes(self, module):
        """Runs a module, prints its output and returns whether its tests have passed."""
        if self._interrupted.is_set():
            return False
        command = [sys.executable, "-m", "unittest", "--verbose", module]
        if module in NICE:
            command = ["nice", "-n", "10", *command]
        begun = time.monotonic()
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
            self._running.add(process)
            code = process.wait()
            self._running.remove(process)
            output.seek(0)
            text = output.read().decode(errors="replace")
        seconds = time.monotonic() - begun
        print(f"\n--- {module}: exit code {code} after {seconds:.0f} s\n{text}", end="", flush=True)
        return code == 0


if __name__ == "__main__":
    sys.exit(main())
