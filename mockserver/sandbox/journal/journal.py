"""The journal of a sandbox: its latest calls, limited in number and size."""

from collections import deque
from collections.abc import Iterator

from mockserver.sandbox.journal.entry import Entry, LazyEntry

MAX_ENTRIES = 1000
MAX_JOURNAL_BYTES = 4 * 1024 * 1024


class Journal:
    """The latest entries of one sandbox, oldest first. `dropped` is the number of older entries removed."""

    def __init__(self) -> None:
        self._entries: deque[LazyEntry] = deque()
        self._bytes = self.dropped = 0

    def __iter__(self) -> Iterator[Entry]:
        return iter([lazy.entry for lazy in tuple(self._entries)])

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: LazyEntry) -> None:
        """Add an entry, and drop the oldest ones if there are too many or they take too many bytes."""
        self._entries.append(entry)
        self._bytes += entry.weight
        while len(self._entries) > MAX_ENTRIES or self._bytes > MAX_JOURNAL_BYTES:
            self._bytes -= self._entries.popleft().weight
            self.dropped += 1

    def clear(self) -> None:
        self._entries.clear()
        self._bytes = self.dropped = 0
