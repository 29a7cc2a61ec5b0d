"""The way from `Interception.client` to the control API: over connections in memory, not over sockets."""

from http.client import HTTPConnection

from mockserver.client.transport import HttpTransport
from mockserver.interception.server_thread import ServerThread
from mockserver.interception.sync_connection import MemorySocket

URL = "http://localhost"


class ControlTransport(HttpTransport):
    """The client's HTTP transport over connections in memory. It opens no socket."""

    def __init__(self, server_thread: ServerThread) -> None:
        super().__init__(URL)
        self._connect = lambda: MemoryHTTPConnection(server_thread)


class MemoryHTTPConnection(HTTPConnection):
    """The standard library's HTTP connection, over a connection in memory."""

    def __init__(self, server_thread: ServerThread) -> None:
        super().__init__("localhost")
        self._server_thread = server_thread

    def connect(self) -> None:
        self.sock = MemorySocket(self._server_thread)
