"""Turns: one pipelined request begins in each iteration of the event loop."""

import asyncio
import socket
from collections import Counter
from typing import Any

import pytest

from mockserver.server.http.connections.turns import Turns
from mockserver.server.server import serving
from tests.e2e.test_hostile import read_all

CONNECTIONS, REQUESTS = 10, 20
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


class CountingApp:
    """An application that notes in which iteration of the event loop each request begins."""

    def __init__(self) -> None:
        self.iteration = 0
        self.begun: Counter[int] = Counter()

    def count(self) -> None:
        self.iteration += 1
        if self.begun.total() < CONNECTIONS * REQUESTS:
            asyncio.get_running_loop().call_soon(self.count)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        if not self.begun:
            self.count()
        self.begun[self.iteration] += 1
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


@pytest.mark.finding("A7")
def test_pipelined_requests_of_all_connections_begin_one_by_one() -> None:
    application = CountingApp()
    with serving(application) as url:
        address = "127.0.0.1", int(url.rpartition(":")[2])
        connections = [socket.create_connection(address) for _ in range(CONNECTIONS)]
        for connection in connections:
            connection.sendall(GET * (REQUESTS - 1) + LAST)
        answers = [read_all(connection) for connection in connections]
    assert [answer.count(b"HTTP/1.1 204") for answer in answers] == [REQUESTS] * CONNECTIONS
    pipelined = CONNECTIONS * (REQUESTS - 1)
    assert sum(1 for count in application.begun.values() if count == 1) >= pipelined - CONNECTIONS


def test_request_waits_for_those_that_came_before_it() -> None:
    async def begin_all() -> list[list[str]]:
        turns, begun, seen = Turns(), list[str](), list[list[str]]()
        loop = asyncio.get_running_loop()
        for name in ("a", "b", "c"):
            turns.wait(loop, lambda name=name: begun.append(name))  # type: ignore[misc]
        for _ in range(3):
            await asyncio.sleep(0)
            seen.append([*begun])
        return seen

    assert asyncio.run(begin_all()) == [["a"], ["a", "b"], ["a", "b", "c"]]
