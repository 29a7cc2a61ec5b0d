"""Timeouts of a connection."""

import asyncio
from collections.abc import Callable


class IdleTimer:
    """How long a connection may wait for a head, or idle; its timer follows the deadline at its leisure."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, lose: Callable[[], None]) -> None:
        self._loop, self._seconds, self._lose = loop, seconds, lose
        self._until: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._at = 0.0
        self.with_head = False

    def begin(self, seconds: float | None = None, with_head: bool = True) -> None:
        """From now on, for so many seconds; what was begun before is over."""
        self._until = self._loop.time() + (self._seconds if seconds is None else seconds)
        self.with_head = with_head
        if self._timer is None or self._at > self._until:
            self._wait()

    def end(self) -> None:
        self._until, self.with_head = None, False

    def close(self) -> None:
        self.end()
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        assert self._until is not None
        self._at = self._until
        self._timer = self._loop.call_at(self._until, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._until is not None:
            if self._loop.time() < self._until:
                self._wait()
            else:
                self._lose()
