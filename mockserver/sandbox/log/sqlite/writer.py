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
# encoded, and the life. A tuple, as one is made for each append.
Append = tuple[Settled, str, bytes | None, bytes, bytes, Life]

MAX_RECENT, MAX_RECENT_BYTES = 512, 1024 * 1024  # rows, or bytes of this process, until all are put away
MAX_KNOWN_HEADS = 10_000
MAX_ROWS = 64  # in one statement: far below the 999 variables of old versions of SQLite


class Writer:
    """Writes to a file.

    It remembers the heads that it has read or written. They hold until others change the file, which cannot
    happen within a transaction.
    """

    def __init__(self, file: StoreFile) -> None:
        self._file = file
        self._heads: dict[str, Head] = {}
        self._changes = 0  # of the file, when the heads were remembered
        self._bytes = 0  # since the recent entries were put away

    def append(self, group: Sequence[Append]) -> list[bool]:
        """Append the entries that fit, and return for each whether it is in the log.

        Raise StoreUnavailable or StoreLost, and then append none.
        """
        with self._file.transaction() as db:
            if self._changes != self._file.changes or len(self._heads) > MAX_KNOWN_HEADS:
                self._heads.clear()
                self._changes = self._file.changes
            now = time.time_ns() // 1000
            changed: dict[Head, None] = {}
            results = [self._add(db, append, now, changed) for append in group]
            if changed:
                self._write(db, [*changed])
        return results

    def end(self, name: str, head: bytes, now: int) -> bool:
        """Remove a sandbox if it has expired or its head is `head`, and return whether it is gone."""
        with self._file.transaction() as db:
            self._heads.pop(name, None)
            known = sandboxes.find(db, name)
            gone = known is None or known.expired(now) or known.head == head
            if known is not None and gone:
                sandboxes.remove(db, known.id)
        return gone

    def remove_expired(self, now: int, limit: int) -> int:
        """Remove up to `limit` sandboxes that have expired, and return how many they were."""
        with self._file.transaction() as db:
            self._heads.clear()
            return sandboxes.remove_expired(db, now, limit)

    def _add(self, db: sqlite3.Connection, append: Append, now: int, changed: dict[Head, None]) -> bool:
        _, name, head, token, entry, life = append
        known = self._heads.get(name) or sandboxes.find(db, name)
        if known is not None and known.expired(now):
            if head is None:
                sandboxes.remove(db, known.id)
                changed.pop(known, None)
            known = None
        if known is not None and known.head == token:
            return True
        if head != (known and known.head):
            return False
        if known is None:
            known = sandboxes.create(db, name)
        self._heads[name] = known
        known.head, known.life, known.length = token, life, known.length + 1
        known.chain.append(entry)
        changed[known] = None
        return True

    def _write(self, db: sqlite3.Connection, changed: Sequence[Head]) -> None:
        heads, recent, size = [], [], 0
        for known in changed:
            heads.append((known.id, known.head, known.length))
            chain = known.chain[0] if len(known.chain) == 1 else b"".join(known.chain)
            recent.append((known.id, len(known.chain), chain))
            size += len(chain)
            known.chain.clear()
            if known.life is not known.written and known.life != known.written:
                sandboxes.write_life(db, known)
        self._bytes += size
        self._file.written += 2 * size  # now, and when they are put away
        _insert(db, "INSERT OR REPLACE INTO heads VALUES ", heads)
        # The ids in `recent` count from 1 again once all are put away, whoever did that.
        if (
            _insert(db, "INSERT INTO recent (sandbox, count, entries) VALUES ", recent) >= MAX_RECENT
            or self._bytes >= MAX_RECENT_BYTES
        ):
            entries.put_all_away(db)
            self._bytes = 0


def _insert(db: sqlite3.Connection, statement: str, rows: Sequence[tuple[object, object, object]]) -> int:
    """Insert rows of three columns, and return the id of the last one."""
    last = None
    for start in range(0, len(rows), MAX_ROWS):
        some = rows[start : start + MAX_ROWS]
        values = [value for row in some for value in row]
        last = db.execute(_with_rows(statement, len(some)), values).lastrowid
    return last or 0


@cache
def _with_rows(statement: str, count: int) -> str:
    return statement + ", ".join(["(?, ?, ?)"] * count)
