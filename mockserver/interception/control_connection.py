"""The way to the control API of an intercepting mock: over a line, as the calls of its clients."""

from http.client import HTTPConnection

from mockserver.client.transport import Door
from mockserver.interception.loop_thread import Bridge
from mockserver.interception.sync_connection import LineSocket

URL = "http://localhost"


class LineDoor(Door):
    """Asks over a bridge, and opens no socket."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(URL)
        self._connect = lambda: LineConnection(bridge)


class LineConnection(HTTPConnection):
    """A connection of the standard library's HTTP client that is a line."""

    def __init__(self, bridge: Bridge) -> None:
        super().__init__("localhost")
        self._bridge = bridge

    def connect(self) -> None:
        self.sock = LineSocket(self._bridge)
