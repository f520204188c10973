"""The server of an upstream that tests script."""

import http.server


class UpstreamServer(http.server.ThreadingHTTPServer):
    """A server with a thread for each connection, at a port that the system chooses."""

    # With the default of five, connections wait for seconds when many arrive while the machine is
    # busy. A request can then time out without being received, and the counts of both sides differ.
    request_queue_size = 128

    def __init__(self, handler, **options):
        super().__init__(("127.0.0.1", 0), handler, **options)
