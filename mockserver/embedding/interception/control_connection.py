"""The transport of `Interception.client`: it reaches the control API over in-memory connections."""

from collections.abc import Mapping
from http.client import HTTPConnection
from typing import Any

from mockserver.client.transport import HttpTransport
from mockserver.embedding.interception.server_thread import ServerThread
from mockserver.embedding.interception.sync_connection import MemorySocket

HOST = "[::1]"  # counts as local, and cannot be a key of `hosts`, which would make it a vendor's host
URL = f"http://{HOST}"


class ControlTransport(HttpTransport):
    """An HTTP transport over in-memory connections. It opens no socket.

    `base_urls` has the vendors' real base URLs. They replace those of the server, which nobody can call.
    """

    def __init__(self, server_thread: ServerThread, base_urls: Mapping[str, str]) -> None:
        super().__init__(URL)
        self._connect, self._base_urls = lambda: MemoryHTTPConnection(server_thread), base_urls

    def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        status, answer = super().__call__(method, path, body)
        if path.startswith("/_mock/sandboxes") and isinstance(answer, dict):
            for sandbox in answer.get("sandboxes", [answer]):
                if "credential" in sandbox:  # it is a sandbox's description
                    for vendor, access in sandbox["credentials"].items():
                        access["base_url"] = self._base_urls[vendor]
        return status, answer


class MemoryHTTPConnection(HTTPConnection):
    """The standard library's HTTP connection, over an in-memory connection."""

    def __init__(self, server_thread: ServerThread) -> None:
        super().__init__(HOST)
        self._server_thread = server_thread

    def connect(self) -> None:
        self.sock = MemorySocket(self._server_thread)
