"""The `file_writer` example as a process."""

import os
import subprocess

from harness.process import Process


class FileWriter:
    """A running worker whose counters start at zero."""

    def __init__(self, path, every, job, under=(), log=subprocess.DEVNULL):
        """Starts the worker, optionally `under` another command.

        `every` is the interval between two writes and `job` the duration of a job, in milliseconds.
        `log` is an open file for the worker's log, which has a line for each failed job and write.
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
        """Stops the worker and returns its exit code."""
        return self.process.stop()
