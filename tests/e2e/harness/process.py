"""A program that runs beside the tests and never outlives them."""

import atexit
import subprocess


class Process:
    """A started program."""

    def __init__(self, command, **options):
        self._popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
        atexit.register(self._kill)

    @property
    def stdout(self):
        return self._popen.stdout

    def exit_code(self):
        """The exit code; None while it runs."""
        return self._popen.poll()

    def resident_kib(self):
        """The memory that it has now, in KiB."""
        with open(f"/proc/{self._popen.pid}/status", encoding="ascii") as status:
            [line] = [line for line in status if line.startswith("VmRSS:")]
        return int(line.split()[1])

    def terminate(self):
        """Sends SIGTERM."""
        self._popen.terminate()

    def wait(self, within=15):
        """Waits for the end and gives the exit code; a program that goes on is a failure."""
        try:
            return self._popen.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self._popen.args[0]} did not end within {within} s") from None

    def stop(self):
        """Ends the program: politely, and then for certain."""
        try:
            self.terminate()
            return self.wait()
        finally:
            self._kill()

    def _kill(self):
        self._popen.kill()
        self._popen.wait()
        if self._popen.stdout:
            self._popen.stdout.close()
        atexit.unregister(self._kill)
