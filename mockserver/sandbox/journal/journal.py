"""Journals: the latest calls of each sandbox, with one bound on the memory of all journals together."""

import sys
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from heapq import merge
from threading import Lock

from mockserver.sandbox.journal.entry import STRAYS, KeptEntry

MAX_ENTRIES = 1000
MAX_JOURNAL_BYTES = 4 * 1024 * 1024
DEFAULT_MEMORY, MIN_MEMORY = 256_000_000, 1_000_000
MAX_IDLE_MARKS = 1000
MAX_PIECE_ENTRIES, MAX_PIECE_BYTES = 100, 1024 * 1024  # that a reader of many entries gets at once


class Journal:
    """The latest entries of one sandbox, oldest first.

    `serial` is the number of entries so far; clearing does not change it. `dropped` is the number of older
    entries that were removed because there were too many, or too large ones. `opened` is a time before the
    first entry arrives, and `latest` the arrival of the latest one, or `opened`. They tell nothing about the
    calls in other journals. `cleared` is the time when it was last cleared, in microseconds, or 0.
    """

    def __init__(self, name: str, journals: "Journals") -> None:
        self.name, self._journals = name, journals
        self._entries: deque[KeptEntry] = deque()
        self.bytes = self.serial = self.dropped = self.cleared = 0
        self.opened = self.latest = journals.arrival()
        self.idle_marks = 0
        self.closed = False

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def end(self) -> tuple[int, int]:
        """The arrival of the latest entry, and the number of entries so far."""
        with self._journals.lock:
            return self.latest, self.serial

    def entries(self) -> tuple[KeptEntry, ...]:
        """Return the entries that the journal has now, oldest first."""
        return tuple(self._entries)

    def find(self, serial: int) -> KeptEntry | None:
        """Return the entry with this number, or None if it has been removed."""
        entries = self.entries()
        index = serial - entries[0].serial if entries else -1
        return entries[index] if 0 <= index < len(entries) else None

    def add(self, entry: KeptEntry) -> None:
        """Number an entry and add it. Drop the oldest ones if there are too many, or too large ones."""
        journals = self._journals
        journals.lock.acquire()  # not by `with`, which takes twice as long: every call does this
        try:
            self.serial = entry.serial = self.serial + 1
            self.latest = entry.arrived = journals.arrival()
            self._keep(entry)
        finally:
            journals.lock.release()

    def add_numbered(self, entry: KeptEntry, serial: int, arrived: int) -> None:
        """Add an entry that has its number and time from a log. Missing earlier ones were dropped."""
        lock = self._journals.lock
        lock.acquire()  # as in `add`
        try:
            self.dropped += serial - self.serial - 1
            self.serial = entry.serial = serial
            self.latest = entry.arrived = arrived
            self._keep(entry)
        finally:
            lock.release()

    def _keep(self, entry: KeptEntry) -> None:
        journals, entries, weight = self._journals, self._entries, entry.weight
        journals.count += 1
        if self.closed:
            return
        entries.append(entry)
        self.bytes += weight
        journals.marks.append(self)
        journals.bytes += weight
        if journals.bytes > journals.max_bytes:
            journals.drop_oldest()
        while len(entries) > journals.max_entries or self.bytes > journals.max_journal_bytes:
            journals.removed(self, 1, self.drop_oldest())

    def drop_oldest(self) -> int:
        """Remove the oldest entry, and return its weight."""
        weight = self._entries.popleft().weight
        self.bytes -= weight
        self.dropped += 1
        return weight

    def clear(self) -> None:
        """Remove all entries. New ones are numbered on."""
        with self._journals.lock:
            self._journals.removed(self, len(self._entries), self.bytes)
            self._entries.clear()
            self.bytes = self.dropped = 0
            self.cleared = time.time_ns() // 1000

    def clear_until(self, serial: int) -> None:
        """Remove all entries up to this number. New ones get a higher number."""
        with self._journals.lock:
            while self._entries and self._entries[0].serial <= serial:
                self._journals.removed(self, 1, self.drop_oldest())
                self.dropped = 0
            self.serial = max(self.serial, serial)

    def rewind(self) -> None:
        """Remove all entries, and begin to number anew: the log of the sandbox has lost some."""
        self.clear()
        self.serial = 0

    def close(self) -> None:
        """Remove all entries, and keep no new ones: the sandbox has ended."""
        self.closed = True  # first, so that an entry that is being added now is cleared, or not kept
        self.clear()

    def leave(self) -> None:
        """Count no longer towards the memory of all journals. What it has now can still be read."""
        with self._journals.lock:
            self._journals.removed(self, len(self._entries), self.bytes)
        self._journals = Journals()


class Journals:
    """All journals of one server: the order of their entries, and the bound on their memory.

    If all entries together take more than `max_bytes`, the oldest ones go, of whatever journal. Each journal
    keeps at most `max_entries` entries, which take at most `max_journal_bytes`. `strays` is
    the journal of the calls that belong to no sandbox. `latest` is the latest time that is taken,
    and `count` the number of entries so far.

    `marks` has a mark for each entry, in the order of their arrival: its journal. The mark of an entry that
    its journal has removed itself stays, and is idle. The oldest marks of a journal are the idle ones.
    """

    def __init__(
        self,
        max_bytes: int = DEFAULT_MEMORY,
        max_entries: int = MAX_ENTRIES,
        max_journal_bytes: int = MAX_JOURNAL_BYTES,
    ) -> None:
        self.lock = Lock()
        self.max_entries, self.max_journal_bytes = max_entries, max_journal_bytes
        self.max_bytes, self.bytes, self.latest, self.count = max_bytes, 0, 0, 0
        self.marks: deque[Journal] = deque()
        self._idle_marks = 0
        self.strays = Journal(STRAYS, self)

    def new(self, name: str) -> Journal:
        """Return a journal for a new sandbox."""
        with self.lock:
            return Journal(name, self)

    def arrival(self) -> int:
        """Return the wall time in microseconds, or the smallest later time that is free."""
        now, latest = time.time_ns() // 1000, self.latest
        self.latest = now = now if now > latest else latest + 1
        return now

    def next_arrival(self) -> int:
        """Return `arrival`, for somebody who does not hold the lock."""
        lock = self.lock
        lock.acquire()  # as in `Journal.add`
        arrival = self.arrival()
        lock.release()
        return arrival

    def pass_over(self, time: int) -> None:
        """Make all later arrivals come after a time that another server has chosen."""
        with self.lock:
            self.latest = max(self.latest, time)

    @property
    def end(self) -> tuple[int, int]:
        """The arrival of the latest entry in any journal, and the number of entries in all of them so far."""
        with self.lock:
            return self.latest, self.count

    def drop_oldest(self) -> None:
        """Drop the oldest entries of all journals until the others take no more memory than they may."""
        while self.bytes > self.max_bytes:
            oldest = self.marks.popleft()
            if oldest.idle_marks:
                oldest.idle_marks -= 1
                self._idle_marks -= 1
            else:
                self.bytes -= oldest.drop_oldest()

    def removed(self, journal: Journal, count: int, weight: int) -> None:
        """Count entries that a journal has removed, its oldest ones."""
        self.bytes -= weight
        journal.idle_marks += count
        self._idle_marks += count
        if self._idle_marks > MAX_IDLE_MARKS + len(self.marks) // 2:
            self._remove_idle_marks()

    def _remove_idle_marks(self) -> None:
        """Remove the idle marks. This takes no longer than the calls that left them, taken together."""
        marks, self.marks, self._idle_marks = self.marks, deque(), 0
        for journal in marks:
            if journal.idle_marks:
                journal.idle_marks -= 1
            else:
                self.marks.append(journal)


def merged(
    journals: Iterable[Journal], after: int = 0, until: int = sys.maxsize, *, newest_first: bool = False
) -> Iterator[KeptEntry]:
    """Return the entries that the journals have now, in the order of their arrival.

    They arrived later than `after`, and not later than `until`.
    """
    runs = _runs(journals, after, until)
    if newest_first:
        runs = [run[::-1] for run in runs]
    return iter(runs[0]) if len(runs) == 1 else merge(*runs, key=_arrived, reverse=newest_first)


def read_on(
    journals: Iterable[Journal],
    after: int,
    until: int,
    most: int = MAX_PIECE_ENTRIES,
    most_bytes: int = MAX_PIECE_BYTES,
) -> tuple[list[KeptEntry], int]:
    """Return the earliest entries between two arrivals, and how many there are between them.

    At least one is returned, if there is one, and at most `most` with a weight of `most_bytes`. To read all,
    call this again: what is not read yet is not kept in memory for the reader.
    """
    runs = _runs(journals, after, until)
    entries: list[KeptEntry] = []
    for entry in merge(*runs, key=_arrived):
        most_bytes -= entry.weight
        if entries and (most_bytes < 0 or len(entries) == most):
            break
        entries.append(entry)
    return entries, sum(map(len, runs))


def _runs(journals: Iterable[Journal], after: int, until: int) -> list[tuple[KeptEntry, ...]]:
    return [run for journal in journals if (run := _between(journal.entries(), after, until))]


def _between(entries: tuple[KeptEntry, ...], after: int, until: int) -> tuple[KeptEntry, ...]:
    if not entries or entries[-1].arrived <= after:
        return ()
    return entries[bisect_right(entries, after, key=_arrived) : bisect_right(entries, until, key=_arrived)]


def _arrived(entry: KeptEntry) -> int:
    return entry.arrived
