"""Watches the connections of a server: each needs a descriptor, of which the system gives only so many."""

import errno
import heapq
import logging
import os
import time
from collections.abc import Collection
from typing import Protocol

from mockserver.server.http.connections.descriptors import descriptor_limit

RESERVE = 32  # descriptors for files, listeners, and answers to the connections that are refused
CLOSED_AT_ONCE = 32
log = logging.getLogger("mockserver")


class Watched(Protocol):
    """A connection, as the watch sees it."""

    @property
    def idle_since(self) -> float | None:
        """The time at which the connection became idle, or None if a request is under way."""

    def close_if_idle(self) -> bool:
        """Close the connection, unless something has just arrived. Return True if it is closed."""

    def drop_if_stuck(self, now: float, seconds: float) -> None:
        """Drop the connection if the client has taken nothing of its answer for so long."""


class ConnectionWatch:
    """Drops connections that are stuck, and closes idle ones if descriptors are scarce.

    Descriptors are scarce if nearly all that this process may open are in use. `check` is called once a
    second, `admit` for each new connection. `connections` are the open ones. `stopping` is True once the
    server stops.
    """

    def __init__(self, answer_timeout: float) -> None:
        self.connections: Collection[Watched] = ()
        self._answer_timeout = answer_timeout
        self._scarce_from = _scarce_from()
        self._refusing = self.stopping = False

    def check(self) -> None:
        """Drop the connections that are stuck, and notice whether there are descriptors again."""
        now = time.monotonic()
        for connection in tuple(self.connections):
            connection.drop_if_stuck(now, self._answer_timeout)
        self._scarce_from = _scarce_from()
        free = _lowest_free_descriptor()
        if free is None:
            # The system refuses connections itself, and nobody is told. So make room, and say it.
            self._make_room()
            self._warn()
        elif free < self._scarce_from - RESERVE:
            self._refusing = False

    def admit(self, descriptor: int) -> bool:
        """Return True if a new connection with this descriptor can be served.

        The system gives the lowest descriptor that is free. So a high one means that there are few left.
        """
        if descriptor < self._scarce_from or self._make_room():
            return True
        self._warn()
        return False

    def _make_room(self) -> bool:
        """Close the connections that have been idle for longest. Return False if there are none."""
        idle = ((one.idle_since, number, one) for number, one in enumerate(self.connections))
        longest = heapq.nsmallest(CLOSED_AT_ONCE, (one for one in idle if one[0] is not None))
        return any([one.close_if_idle() for _, _, one in longest])

    def _warn(self) -> None:
        """Log that connections are refused: once, until there are descriptors again."""
        if not self._refusing:
            self._refusing = True
            log.warning(
                "no more connections: this process may open %d files (ulimit -n), and none of its %d "
                "connections is idle; new ones are refused until some end",
                descriptor_limit(), len(self.connections),
            )  # fmt: skip


def _scarce_from() -> int:
    """Return the lowest descriptor that is only free if descriptors are scarce."""
    limit = descriptor_limit()
    return limit - min(RESERVE, limit // 8)


def _lowest_free_descriptor() -> int | None:
    """Return the descriptor that the next connection would get, or None if none is free."""
    try:
        descriptor = os.open(os.devnull, os.O_RDONLY)
    except OSError as error:
        return None if error.errno in (errno.EMFILE, errno.ENFILE) else 0
    os.close(descriptor)
    return descriptor
