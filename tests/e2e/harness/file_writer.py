"""The example that writes its metrics to a file, as a process."""

import os
import subprocess

from harness.process import Process


class FileWriter:
    """A running worker, whose counters all start from nothing."""

    def __init__(self, path, every, job, under=()):
        """Starts it, `under` another program if there is one.

        `every` and `job` are how often it writes and how long a job takes, in milliseconds.
        """
        try:
            program = os.environ["FILE_WRITER"]
        except KeyError:
            raise RuntimeError("FILE_WRITER does not name the binary: use tests/e2e/run") from None
        self.process = Process(
            [*under, program, path, "--every", str(every), "--job", str(job)],
            stdout=subprocess.DEVNULL,
            # It tells of each job that fails.
            stderr=subprocess.DEVNULL,
        )

    def stop(self):
        """Asks it to stop, and gives its exit code."""
        return self.process.stop()
