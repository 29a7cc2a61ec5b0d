"""The socket door: who comes is let in, however many come at once."""

import asyncio
import threading
from http.client import HTTPConnection
from urllib.parse import urlsplit

from mockserver.server.http.asgi import Receive, Send
from mockserver.server.server import serving

MANY = 32


class Rounds:
    """An application that answers in which round of the event loop it was asked; the first call waits."""

    def __init__(self) -> None:
        self.busy, self.go_on = threading.Event(), threading.Event()
        self._round = 0

    async def __call__(self, scope: dict[str, str], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        asked_in = self._round
        if scope["path"] == "/busy":
            self.busy.set()
            self.go_on.wait(30)  # holds up the loop, as a moment of much work does
            self._turn()
        headers = [(b"content-length", b"%d" % len(str(asked_in)))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": str(asked_in).encode()})

    def _turn(self) -> None:
        self._round += 1
        asyncio.get_running_loop().call_soon(self._turn)


def test_many_connections_that_come_at_once_are_let_in_together() -> None:
    rounds = Rounds()
    with serving(rounds) as url:

        def asking(path: str) -> HTTPConnection:
            client = HTTPConnection(urlsplit(url).netloc, timeout=30)
            client.request("GET", path)
            return client

        busy = asking("/busy")
        assert rounds.busy.wait(30)
        waiting = [asking("/") for _ in range(MANY)]
        rounds.go_on.set()
        asked_in = [int(client.getresponse().read()) for client in waiting]
        for client in (busy, *waiting):
            client.close()
    assert max(asked_in) - min(asked_in) < MANY / 4
