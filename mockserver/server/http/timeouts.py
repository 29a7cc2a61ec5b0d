"""Timeouts of the server, and the timer of one connection."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Timeouts:
    """Timeouts in seconds: for the head of a request, and for open calls when the server stops."""

    head: float = 15.0
    stop: int = 10


class ConnectionTimeout:
    """Calls `expire` when a head takes too long to arrive, or when the connection is idle too long.

    It is started for every request, so it only moves a deadline; replacing the event loop's timer would
    be slower. `for_head` is True while it waits for a head.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, expire: Callable[[], None]) -> None:
        self._loop, self._seconds, self._expire = loop, seconds, expire
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self.for_head = False

    def start(self, seconds: float | None = None, for_head: bool = True) -> None:
        """Set the time to expire, in seconds from now; by default the timeout for a head."""
        self._deadline = self._loop.time() + (self._seconds if seconds is None else seconds)
        self.for_head = for_head
        if self._timer is None or self._timer_at > self._deadline:
            self._set_timer()

    def stop(self) -> None:
        self._deadline, self.for_head = None, False

    def close(self) -> None:
        self.stop()
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        assert self._deadline is not None
        self._timer_at = self._deadline
        self._timer = self._loop.call_at(self._deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._deadline is not None:
            if self._loop.time() < self._deadline:
                self._set_timer()
            else:
                self._expire()
