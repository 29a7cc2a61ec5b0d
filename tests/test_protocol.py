"""The protocol of a connection: who sends many requests at once leaves the others their turn."""

import asyncio
from collections.abc import Mapping
from typing import Any

from mockserver.gateway import Whole
from mockserver.protocol import MOST_IN_A_ROW
from mockserver.server import serving
from tests.test_hostile import exchange

COUNT = 5 * MOST_IN_A_ROW


class Front:
    """An application that answers at once, and counts how often the loop had another turn meanwhile."""

    def __init__(self) -> None:
        self.at_once_in_a_row = self.longest = 0

    def at_once(self, scope: Mapping[str, Any], body: bytes) -> Whole:
        if not self.at_once_in_a_row:
            asyncio.get_running_loop().call_soon(self._turn)
        self.at_once_in_a_row += 1
        self.longest = max(self.longest, self.at_once_in_a_row)
        return Whole(200, b"content-length: 2\r\n\r\nok")

    def _turn(self) -> None:
        self.at_once_in_a_row = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})


def test_many_requests_in_one_piece_leave_others_their_turn() -> None:
    front = Front()
    one, end = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    with serving(front) as url:
        answer = exchange(url, one * COUNT + end)
    assert answer.count(b"HTTP/1.1 200 ") == COUNT + 1
    assert 0 < front.longest <= 2 * MOST_IN_A_ROW
