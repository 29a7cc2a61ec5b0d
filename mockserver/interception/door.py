"""The way to the control API of an intercepting mock: a line, as a client's calls have it."""

from http.client import HTTPConnection

from mockserver.client.door import Door
from mockserver.interception.blocking import LineSocket
from mockserver.interception.bridge import Bridge

URL = "http://localhost"


def door(bridge: Bridge) -> Door:
    """Asks over a bridge. It opens no socket, whatever is patched."""

    class LineConnection(HTTPConnection):
        def connect(self) -> None:
            self.sock = LineSocket(bridge)

    class LineDoor(Door):
        def __init__(self) -> None:
            super().__init__(URL)
            self._kind = LineConnection

    return LineDoor()
