"""The example that writes its metrics to a file, as a process."""

import os
import subprocess

from harness.process import Process


class FileWriter:
    """A running worker, whose counters all start from nothing."""

    def __init__(self, path, every, job, under=(), log=subprocess.DEVNULL):
        """Starts it, `under` another program if there is one.

        `every` and `job` are how often it writes and how long a job takes, in milliseconds. `log` is an open
        file that takes what it tells: of each job that fails, and of each write.
        """
        try:
            program = os.environ["FILE_WRITER"]
        except KeyError:
            raise RuntimeError("FILE_WRITER does not name the binary: use tests/e2e/run") from None
        self.process = Process(
            [*under, program, path, "--every", str(every), "--job", str(job)],
            stdout=subprocess.DEVNULL,
            stderr=log,
        )

    def stop(self):
        """Asks it to stop, and gives its exit code."""
        return self.process.stop()
