"""The feed of new entries, for whoever listens."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mockserver.sandbox.journal.entry import Entry, Note

MOST_ENTRIES = 1000


class Bell:
    """Tells whoever listens of every new entry, and counts them. For one event loop."""

    def __init__(self) -> None:
        self._listening: set[asyncio.Queue[Entry]] = set()
        self.rung = 0

    def ring(self, note: Note) -> None:
        self.rung += 1
        for queue in self._listening:
            with suppress(asyncio.QueueFull):  # a listener that does not keep up misses some
                queue.put_nowait(note.entry)

    @contextmanager
    def listen(self) -> Iterator[asyncio.Queue[Entry]]:
        """Every entry from now on, while the block runs."""
        queue: asyncio.Queue[Entry] = asyncio.Queue(MOST_ENTRIES)
        self._listening.add(queue)
        try:
            yield queue
        finally:
            self._listening.discard(queue)
