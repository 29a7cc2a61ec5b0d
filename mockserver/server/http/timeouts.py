"""Timeouts of the server, and the timer of one connection."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Timeouts:
    """Timeouts in seconds.

    `head`: for a request's head to arrive. `idle`: between two requests on a connection; as long as with real
    front ends, so that a client that polls finds its connection open. `answer`: for a client that takes no
    byte of its answer. `stop`: for open calls at shutdown. `quiet`: at shutdown, how long a connection must
    have been idle to be closed. So a proxy loses no request if it closes idle connections sooner than that.
    """

    head: float = 15.0
    idle: float = 75.0
    answer: float = 30.0
    stop: int = 10
    quiet: float = 1.0


class ConnectionTimeout:
    """Calls `expire` when a head takes too long to arrive, or when the connection is idle for too long.

    Every request restarts the timeout. For speed, a restart only moves a deadline, and does not replace the
    event loop's timer. `for_head` is True while the timeout waits for a head. `started` is the loop's time
    at the latest start.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, expire: Callable[[], None]) -> None:
        self._loop, self._seconds, self._expire = loop, seconds, expire
        self._deadline: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = self.started = 0.0
        self.for_head = False

    def start(self, seconds: float | None = None, for_head: bool = True) -> None:
        """Expire after `seconds`, by default after the timeout for a head."""
        self.started = self._loop.time()
        self._deadline = self.started + (self._seconds if seconds is None else seconds)
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
