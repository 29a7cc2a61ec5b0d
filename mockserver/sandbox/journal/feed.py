"""The feed of new entries, for whoever listens."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mockserver.sandbox.journal.entry import Entry, LazyEntry

MAX_ENTRIES = 1000


class EntryFeed:
    """Tells whoever listens of every new entry, and counts them. For one event loop."""

    def __init__(self) -> None:
        self._listening: set[asyncio.Queue[Entry]] = set()
        self.published = 0

    def ring(self, note: LazyEntry) -> None:
        self.published += 1
        for queue in self._listening:
            with suppress(asyncio.QueueFull):  # a listener that does not keep up misses some
                queue.put_nowait(note.entry)

    @contextmanager
    def listen(self) -> Iterator[asyncio.Queue[Entry]]:
        """Every entry from now on, while the block runs."""
        queue: asyncio.Queue[Entry] = asyncio.Queue(MAX_ENTRIES)
        self._listening.add(queue)
        try:
            yield queue
        finally:
            self._listening.discard(queue)
