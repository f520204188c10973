"""A child process that never outlives the tests."""

import atexit
import signal
import subprocess


class Process:
    """A running child process."""

    def __init__(self, command, **options):
        self._popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
        atexit.register(self._kill)

    @property
    def stdout(self):
        return self._popen.stdout

    def exit_code(self):
        """Returns the exit code, or None while the process runs."""
        return self._popen.poll()

    def resident_kib(self):
        """Returns the resident memory in KiB."""
        with open(f"/proc/{self._popen.pid}/status", encoding="ascii") as status:
            [line] = [line for line in status if line.startswith("VmRSS:")]
        return int(line.split()[1])

    def terminate(self):
        """Sends SIGTERM."""
        self._popen.terminate()

    def pause(self):
        """Sends SIGSTOP."""
        self._popen.send_signal(signal.SIGSTOP)

    def resume(self):
        """Sends SIGCONT."""
        self._popen.send_signal(signal.SIGCONT)

    def wait(self, within=15):
        """Waits for the exit and returns the exit code. A timeout fails the test."""
        try:
            return self._popen.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self._popen.args[0]} did not exit within {within} s") from None

    def stop(self):
        """Sends SIGTERM, waits for the exit, and kills the process if it does not exit."""
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
