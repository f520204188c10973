"""A program that is told where on loopback to listen."""

import http.client
import socket
import subprocess

from harness.polling import eventually
from harness.process import Process


class Server:
    """A running server, that says on HTTP when it is ready."""

    def __init__(self, command, ready_path, log_path):
        """Starts what `command` makes of an address; what it says goes to a file."""
        # It cannot choose a port by itself, and another program may take the one chosen for it.
        for _ in range(3):
            self.address = f"127.0.0.1:{_free_port()}"
            with open(log_path, "wb") as log:
                self._process = Process(
                    command(self.address), stdout=log, stderr=subprocess.STDOUT
                )
            try:
                if eventually(lambda: self._is_ready(ready_path), within=30):
                    return
            except BaseException:
                self.stop()
                raise
        with open(log_path, errors="replace") as log:
            raise AssertionError(f"{command(self.address)[0]} does not start:\n{log.read()}")

    def get(self, path):
        """The status and the body of what is at a path."""
        connection = http.client.HTTPConnection(self.address, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def stop(self):
        return self._process.stop()

    def _is_ready(self, path):
        """Whether it is ready; False once it has ended instead."""
        if self._process.exit_code() is not None:
            return False
        try:
            status, _ = self.get(path)
        except OSError:
            status = None
        assert status == 200, "the server is not ready"
        return True


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
