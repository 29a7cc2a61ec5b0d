"""Turns: pipelined requests of all connections begin one after the other."""

import asyncio
from collections import deque
from collections.abc import Callable


class Turns:
    """Begins one waiting request in each iteration of the event loop.

    A client may pipeline requests on many connections, and read no answer. If one iteration began a request
    of each connection, a request on another connection would wait for the answers to all of them. Use it on
    one event loop only.
    """

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def wait(self, loop: asyncio.AbstractEventLoop, begin: Callable[[], None]) -> None:
        """Call `begin` in a later iteration of the loop, after those that wait already."""
        self._waiting.append(begin)
        if len(self._waiting) == 1:
            loop.call_soon(self._next, loop)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        begin = self._waiting.popleft()
        if self._waiting:
            loop.call_soon(self._next, loop)
        begin()
