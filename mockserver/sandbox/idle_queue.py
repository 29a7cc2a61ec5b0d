"""A queue of sandboxes, in the order in which they expire."""

from datetime import datetime
from heapq import heapify, heappop, heappush, heapreplace
from itertools import count
from typing import Generic, Protocol, TypeVar
from weakref import ref

MIN_ENTRIES = 64


class Expiring(Protocol):
    """A sandbox, as this queue sees it."""

    @property
    def idle_until(self) -> datetime:
        """The time until which it may stay unused."""


Sandbox = TypeVar("Sandbox", bound=Expiring)


class IdleQueue(Generic[Sandbox]):
    """Sandboxes in the order in which they expire. A call to a sandbox costs nothing here.

    A call moves the time at which its sandbox expires. The queue notices that when the sandbox comes first,
    and then puts it in its new place. So there is at most one move for each call, and a move takes O(log n).

    The queue does not keep sandboxes in memory.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, ref[Sandbox]]] = []
        self._numbers = count()
        self._max_entries = MIN_ENTRIES

    def add(self, sandbox: Sandbox) -> None:
        if len(self._heap) >= self._max_entries:
            self._drop_dead_entries()
        heappush(self._heap, (sandbox.idle_until, next(self._numbers), ref(sandbox)))

    def first(self) -> Sandbox | None:
        """Return the sandbox that expires first, or None if the queue is empty."""
        while self._heap:
            expires, number, reference = self._heap[0]
            sandbox = reference()
            if sandbox is None:
                heappop(self._heap)
            elif sandbox.idle_until > expires:
                heapreplace(self._heap, (sandbox.idle_until, number, reference))
            else:
                return sandbox
        return None

    def pop(self) -> None:
        """Remove the entry of the sandbox that `first` has returned."""
        heappop(self._heap)

    def _drop_dead_entries(self) -> None:
        """Drop the entries of deleted sandboxes. Do that again when there are twice as many as are left."""
        self._heap = [entry for entry in self._heap if entry[2]() is not None]
        heapify(self._heap)
        self._max_entries = max(MIN_ENTRIES, 2 * len(self._heap))
