"""A server process with a command line option for its address."""

import http.client
import os
import socket
import subprocess
import tempfile

from harness.polling import eventually
from harness.process import Process


class Server:
    """A running server with an HTTP path that shows whether it is ready."""

    def __init__(self, command, ready_path, log_path):
        """Starts the command that `command` returns for an address; its output goes to a file."""
        # The program cannot pick a free port itself, and another process may take the one picked
        # here before the program listens.
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
            raise AssertionError(f"{command(self.address)[0]} did not start:\n{log.read()}")

    def get(self, path):
        """Returns the status and the body of a response."""
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
        """Returns True if the server is ready, False if the process has exited."""
        if self._process.exit_code() is not None:
            return False
        try:
            status, _ = self.get(path)
        except OSError:
            status = None
        assert status == 200, "the server is not ready"
        return True


class ServerWithFiles:
    """A running server with a directory of its own, which is removed with the server."""

    def __init__(self, name, files=None):
        """Creates the directory of the server `name`, with these texts by file name."""
        self._directory = tempfile.TemporaryDirectory(prefix=f"e2e-{name}-")
        self._server = None
        for file_name, text in (files or {}).items():
            with open(self.path(file_name), "w") as file:
                file.write(text)

    def path(self, name):
        """Returns the path of a file in the directory."""
        return os.path.join(self._directory.name, name)

    def start(self, command, ready_path):
        """Starts the command that `command` returns for an address."""
        try:
            self._server = Server(command, ready_path, self.path("log"))
        except BaseException:
            self.stop()
            raise

    @property
    def address(self):
        return self._server.address

    def stop(self):
        try:
            if self._server:
                self._server.stop()
        finally:
            self._directory.cleanup()


def _free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
