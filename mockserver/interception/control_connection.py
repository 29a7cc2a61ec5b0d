"""The transport of `Interception.client`: it reaches the control API over in-memory connections."""

from http.client import HTTPConnection

from mockserver.client.transport import HttpTransport
from mockserver.interception.server_thread import ServerThread
from mockserver.interception.sync_connection import MemorySocket

HOST = "[::1]"  # counts as local, and cannot be a key of `hosts`, which would make it a vendor's host
URL = f"http://{HOST}"


class ControlTransport(HttpTransport):
    """An HTTP transport over in-memory connections. It opens no socket."""

    def __init__(self, server_thread: ServerThread) -> None:
        super().__init__(URL)
        self._connect = lambda: MemoryHTTPConnection(server_thread)


class MemoryHTTPConnection(HTTPConnection):
    """The standard library's HTTP connection, over an in-memory connection."""

    def __init__(self, server_thread: ServerThread) -> None:
        super().__init__(HOST)
        self._server_thread = server_thread

    def connect(self) -> None:
        self.sock = MemorySocket(self._server_thread)
