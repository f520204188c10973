"""The rules and dashboards that a program writes."""

import subprocess
import tempfile

from harness.gateway import program


def written_files(test, *command):
    """Returns the directory of the files that a command writes, until the end of the test.

    The directory is the last argument of the command. Without a command, the gateway writes.
    """
    directory = tempfile.TemporaryDirectory(prefix="e2e-monitoring-")
    test.addCleanup(directory.cleanup)
    command = command or (program(), "--monitoring")
    subprocess.run([*command, directory.name], check=True, timeout=60)
    return directory.name
