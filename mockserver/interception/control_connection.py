"""The way to the control API of an intercepting mock: over a line, as the calls of its clients."""

from http.client import HTTPConnection

from mockserver.client.transport import HttpTransport
from mockserver.interception.server_thread import ServerThread
from mockserver.interception.sync_connection import MemorySocket

URL = "http://localhost"


class ControlTransport(HttpTransport):
    """Asks over a bridge, and opens no socket."""

    def __init__(self, server_thread: ServerThread) -> None:
        super().__init__(URL)
        self._connect = lambda: MemoryHTTPConnection(server_thread)


class MemoryHTTPConnection(HTTPConnection):
    """A connection of the standard library's HTTP client that is a line."""

    def __init__(self, server_thread: ServerThread) -> None:
        super().__init__("localhost")
        self._server_thread = server_thread

    def connect(self) -> None:
        self.sock = MemorySocket(self._server_thread)
