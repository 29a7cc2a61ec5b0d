"""The server accepts all waiting connections at once, and leaves other event loops as they are."""

import asyncio
import threading
from http.client import HTTPConnection
from urllib.parse import urlsplit

from mockserver.server.http.asgi import Receive, Send
from mockserver.server.server import serving

CONNECTIONS = 32


class IterationCounter:
    """An application that answers with the number of event loop iterations since the call to /busy.

    That call blocks the event loop until `resume` is set."""

    def __init__(self) -> None:
        self.busy, self.resume = threading.Event(), threading.Event()
        self._iteration = 0

    async def __call__(self, scope: dict[str, str], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        iteration = self._iteration
        if scope["path"] == "/busy":
            self.busy.set()
            self.resume.wait(30)  # blocks the event loop on purpose
            self._count()
        headers = [(b"content-length", b"%d" % len(str(iteration)))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": str(iteration).encode()})

    def _count(self) -> None:
        self._iteration += 1
        asyncio.get_running_loop().call_soon(self._count)


def test_simultaneous_connections_are_accepted_together() -> None:
    counter = IterationCounter()
    with serving(counter) as url:

        def send_get(path: str) -> HTTPConnection:
            client = HTTPConnection(urlsplit(url).netloc, timeout=30)
            client.request("GET", path)
            return client

        busy = send_get("/busy")
        assert counter.busy.wait(30)
        waiting = [send_get("/") for _ in range(CONNECTIONS)]
        counter.resume.set()
        iterations = [int(client.getresponse().read()) for client in waiting]
        for client in (busy, *waiting):
            client.close()
    assert max(iterations) - min(iterations) < CONNECTIONS / 4


def test_event_loops_of_the_user_stay_as_they_are() -> None:
    """Old versions of uvicorn set uvloop for the whole process: `make lowest` runs this test with them."""
    with serving(IterationCounter()), asyncio.Runner() as runner:
        assert type(runner.get_loop()).__module__.startswith("asyncio.")
