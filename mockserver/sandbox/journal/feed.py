"""The feed, which passes every new journal entry to all listeners."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mockserver.sandbox.journal.entry import Entry, LazyEntry

MAX_QUEUED = 1000


class EntryFeed:
    """Passes every new entry to all listeners. Use it on one event loop only.

    `published` is the number of entries so far.
    """

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Entry]] = set()
        self.published = 0

    def publish(self, entry: LazyEntry) -> None:
        self.published += 1
        for queue in self._queues:
            with suppress(asyncio.QueueFull):  # a slow listener misses entries
                queue.put_nowait(entry.entry)

    @contextmanager
    def listen(self) -> Iterator[asyncio.Queue[Entry]]:
        """Yield a queue that receives every new entry while the block runs."""
        queue: asyncio.Queue[Entry] = asyncio.Queue(MAX_QUEUED)
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)
