"""What was asked and answered in a sandbox: kept within bounds, found, counted, and compared."""

from collections import deque
from collections.abc import Iterator

from mockserver.sandbox.journal.entry import Entry, LazyEntry

MAX_ENTRIES = 1000
MAX_JOURNAL_BYTES = 4 * 1024 * 1024


class Journal:
    """The latest entries of one sandbox. `dropped` counts those that had to make room."""

    def __init__(self) -> None:
        self._notes: deque[LazyEntry] = deque()
        self._bytes = self.dropped = 0

    def __iter__(self) -> Iterator[Entry]:
        return iter([note.entry for note in tuple(self._notes)])

    def __len__(self) -> int:
        return len(self._notes)

    def add(self, note: LazyEntry) -> None:
        self._notes.append(note)
        self._bytes += note.weight
        while len(self._notes) > MAX_ENTRIES or self._bytes > MAX_JOURNAL_BYTES:
            self._bytes -= self._notes.popleft().weight
            self.dropped += 1

    def clear(self) -> None:
        self._notes.clear()
        self._bytes = self.dropped = 0
