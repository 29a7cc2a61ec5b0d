"""Changes of a file: appends, all that wait as one group in one transaction, and the ends of sandboxes."""

import sqlite3
import time
from collections.abc import Sequence
from functools import cache

from mockserver.sandbox.log.log import Life, Settled
from mockserver.sandbox.log.sqlite import entries, sandboxes
from mockserver.sandbox.log.sqlite.sandboxes import Head
from mockserver.sandbox.log.sqlite.store_file import StoreFile

# Who waits for the outcome, the sandbox's name, the head that it must have, the entry's token, the entry
# encoded, its call, and the life. A tuple, as one is made for each append.
Append = tuple[Settled, str, bytes | None, bytes, bytes, bytes, Life]

MAX_NEW, MAX_NEW_BYTES = 2048, 4 * 1024 * 1024  # chains, or bytes of this process, until all are listed
MAX_KNOWN_HEADS = 10_000
COLUMNS = 6  # of a chain
MAX_VALUES = 64 * COLUMNS  # in one statement: far below the 999 of old versions of SQLite


class Writer:
    """Writes to a file.

    It remembers the heads that it has read or written. Before each transaction it reads those that others
    have made since the one before.
    """

    def __init__(self, file: StoreFile) -> None:
        self._file = file
        self._heads: dict[str, Head] = {}
        self._by_id: dict[int, Head] = {}
        self._unlisted: dict[int, bytes] = {}  # the heads that chains have made that are in no list yet
        self._changes = 0  # of the file, when the heads were brought up to date
        self._lives = self._listed = self._last = 0  # as `entries.progress` returns them
        self._bytes = 0  # that were written since all chains were listed
        self._is_sound = False  # True if the latest transaction has succeeded

    @property
    def listing_is_due(self) -> bool:
        """Return True if so much is new that the chains should be listed."""
        return self._last - self._listed >= MAX_NEW or self._bytes >= MAX_NEW_BYTES

    def append(self, group: Sequence[Append], *, waits: bool = True) -> list[bool]:
        """Append the entries that fit, and return for each whether it is in the log.

        Raise StoreUnavailable or StoreLost, and then append none. Raise Busy if other processes write and
        this does not wait for them.
        """
        with self._file.transaction(waits=waits) as db:
            was_sound, self._is_sound = self._is_sound, False
            self._follow(db, was_sound)
            now = time.time_ns() // 1000
            changed: dict[Head, None] = {}
            results = [self._add(db, append, now, changed) for append in group]
            if changed:
                self._write(db, [*changed])
        self._is_sound = True
        return results

    def list_all(self) -> None:
        """List the new chains of all sandboxes. Raise StoreUnavailable or StoreLost, and then list none."""
        with self._file.transaction() as db:
            was_sound, self._is_sound = self._is_sound, False
            self._follow(db, was_sound)
            self._file.written += entries.list_all(db)
            self._listed, self._bytes = self._last, 0
            self._unlisted.clear()
        self._is_sound = True

    def end(self, name: str, head: bytes, now: int) -> bool:
        """Remove a sandbox if it has expired or its head is `head`, and return whether it is gone."""
        with self._file.transaction() as db:
            self._forget()
            known = sandboxes.find(db, name)
            gone = known is None or known.expired(now) or known.head == head
            if known is not None and gone:
                sandboxes.remove(db, known.id)
        return gone

    def remove_expired(self, now: int, limit: int) -> int:
        """Remove up to `limit` sandboxes that have expired, and return how many they were."""
        with self._file.transaction() as db:
            self._forget()
            return sandboxes.remove_expired(db, now, limit)

    def _forget(self) -> None:
        self._heads.clear()
        self._by_id.clear()

    def _follow(self, db: sqlite3.Connection, is_sound: bool) -> None:
        """Bring the heads up to date with what others have written."""
        is_full = len(self._heads) > MAX_KNOWN_HEADS
        if is_sound and self._changes == self._file.changes and not is_full:
            return
        lives, listed, last = self._lives, self._listed, self._last
        self._lives, self._listed, self._last = entries.progress(db)
        if not is_sound or is_full or self._lives != lives:
            self._forget()
        if not is_sound or self._listed != listed:
            self._unlisted = {}
            last = min(last, self._listed) if is_sound else self._listed
        new = entries.new_heads(db, last)
        self._unlisted |= new
        for id, head in new.items():
            if (known := self._by_id.get(id)) is not None:
                known.head = head
        self._changes = self._file.changes

    def _add(self, db: sqlite3.Connection, append: Append, now: int, changed: dict[Head, None]) -> bool:
        _, name, head, token, changes, call, life = append
        known = self._heads.get(name) or self._find(db, name)
        if known is not None and known.expired(now):
            if head is None:
                sandboxes.remove(db, known.id)
                changed.pop(known, None)
                del self._by_id[known.id]
            known = None
        if known is not None and known.head == token:
            return True
        if head != (known and known.head):
            return False
        if known is None:
            known = self._know(name, sandboxes.create(db, name))
        known.head, known.life = token, life
        known.changes.append(changes)
        known.calls.append(call)
        changed[known] = None
        return True

    def _find(self, db: sqlite3.Connection, name: str) -> Head | None:
        found = sandboxes.find(db, name, self._unlisted)
        return None if found is None else self._know(name, found)

    def _know(self, name: str, head: Head) -> Head:
        self._heads[name] = self._by_id[head.id] = head
        return head

    def _write(self, db: sqlite3.Connection, changed: Sequence[Head]) -> None:
        values: list[object] = []
        size = 0
        for known in changed:
            self._last += 1
            changes, calls, count = known.changes, known.calls, len(known.calls)
            change, call = (changes[0], calls[0]) if count == 1 else (b"".join(changes), b"".join(calls))
            values += self._last, known.id, known.head, count, change, call
            self._unlisted[known.id] = known.head
            size += len(change) + len(call)
            changes.clear()
            calls.clear()
            if known.life is not known.written and known.life != known.written:
                sandboxes.write_life(db, known)
                self._lives += 1
        for start in range(0, len(values), MAX_VALUES):
            some = values[start : start + MAX_VALUES]
            db.execute(_insertion(len(some) // COLUMNS), some)
        self._bytes += size
        self._file.written += size


@cache
def _insertion(count: int) -> str:
    return "INSERT INTO chains VALUES " + ", ".join(["(?, ?, ?, ?, ?, ?)"] * count)
