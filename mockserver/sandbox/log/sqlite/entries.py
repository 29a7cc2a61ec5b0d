"""The entries in a file, as chains: each has those of one sandbox that were written together.

A chain is written once, at the end of the table, and stays there until it is dropped. Now and then the new
chains of all sandboxes are listed: which sandbox has them is written to `lists`, and what they make of the
parts to `parts`. So neither is written at each turn. What a call needs most space for, its request and its
answer, stands last in the row, so that SQLite does not read it for that.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise

import msgspec

from mockserver.sandbox.log.log import MAX_BYTES, MAX_ENTRIES, Entry, latest

MAX_LENGTH = 2**32  # of a log
MAX_ENCODED_BYTES = 2 * MAX_BYTES  # of listed entries: an entry encoded is larger than its `size`
PART_BYTES = 1024  # that a changed part costs in the file: parts that change together may be far apart


class _Change(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An entry in `changes`. Its call is the next so many bytes of `calls`."""

    token: bytes
    time: int
    serial: int
    call_bytes: int
    cleared: str
    parts: dict[str, bytes | None]


Parts = dict[str, bytes]
_encode = msgspec.msgpack.Encoder().encode
_changes = msgspec.msgpack.Decoder(list[_Change]).decode
_ids = msgspec.msgpack.Decoder(list[int]).decode
_COLUMNS = "count, changes, calls"
_NEW = "id > (SELECT listed FROM progress)"
_NEW_OF_ONE = f"{_NEW} AND sandbox = ?"


def list_id(sandbox: int, length: int) -> int:
    """Return the id of the list with the chains of a sandbox up to a length of its log."""
    return sandbox * MAX_LENGTH + length


def lists_of(sandbox: int) -> tuple[int, int]:
    """Return the first and the last id that a list of a sandbox may have."""
    return list_id(sandbox, 0), list_id(sandbox, MAX_LENGTH - 1)


def encode(entry: Entry) -> bytes:
    """Return an entry without its call. One after another, they make the `changes` of a chain."""
    # A tuple of what _Change has: it is made twice as fast.
    return _encode((entry.token, entry.time, entry.serial, len(entry.call), entry.cleared, entry.parts))


def unlisted(db: sqlite3.Connection, sandbox: int) -> list[Entry]:
    """Return the entries whose chains are in no list yet."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM chains WHERE {_NEW_OF_ONE} ORDER BY id", (sandbox,))
    return [entry for row in rows for entry in _decoded(*row)]


def listed(db: sqlite3.Connection, sandbox: int) -> list[Entry]:
    """Return the entries whose chains are listed, and that may still be within the bounds."""
    lists = "SELECT chains FROM lists WHERE id BETWEEN ? AND ? ORDER BY id"
    rows = db.execute(lists, lists_of(sandbox)).fetchall()
    return [entry for (chains,) in rows for entry in _entries(db, chains)]


def after(db: sqlite3.Connection, sandbox: int, head: bytes) -> list[Entry] | None:
    """Return the entries after a head, or None if the log lacks it."""
    found: list[Entry] = []
    for row in db.execute(f"SELECT {_COLUMNS} FROM chains WHERE {_NEW_OF_ONE} ORDER BY id DESC", (sandbox,)):
        found[:0] = _decoded(*row)
        if any(entry.token == head for entry in found):
            break
    else:
        found[:0] = listed(db, sandbox)
    kept = latest(found)
    place = next((place for place, entry in enumerate(kept) if entry.token == head), None)
    return None if place is None else [*kept[place + 1 :]]


def head(db: sqlite3.Connection, sandbox: int) -> bytes:
    """Return the head of a sandbox, or nothing if it has no entry."""
    found = db.execute(
        f"SELECT head FROM chains WHERE {_NEW_OF_ONE} ORDER BY id DESC LIMIT 1", (sandbox,)
    ).fetchone()
    return found[0] if found else listed_head(db, sandbox)


def listed_head(db: sqlite3.Connection, sandbox: int) -> bytes:
    """Return the head of a sandbox that listed chains have made, or nothing."""
    return _newest_list(db, sandbox)[1]


def heads(db: sqlite3.Connection, sandboxes: Iterable[int]) -> dict[int, bytes]:
    """Return the heads of sandboxes."""
    new = new_heads(db, *db.execute("SELECT listed FROM progress").fetchone())
    return {sandbox: new.get(sandbox) or listed_head(db, sandbox) for sandbox in sandboxes}


def new_heads(db: sqlite3.Connection, last: int) -> dict[int, bytes]:
    """Return the heads that chains after a chain have made, by sandbox."""
    return dict(db.execute("SELECT sandbox, head FROM chains WHERE id > ? ORDER BY id", (last,)))


def progress(db: sqlite3.Connection) -> tuple[int, int, int]:
    """Return `lives` and `listed` (see `schema`), and the id of the last chain that there has been."""
    newest = "SELECT lives, listed, max(listed, coalesce((SELECT max(id) FROM chains), 0)) FROM progress"
    lives, listed, last = db.execute(newest).fetchone()
    return lives, listed, last


def listed_length(db: sqlite3.Connection, sandbox: int) -> int:
    """Return the number of all entries of a sandbox whose chains have been listed."""
    return _newest_list(db, sandbox)[0] - list_id(sandbox, 0)


def read_parts(db: sqlite3.Connection, sandbox: int) -> Parts:
    """Return the parts as of the listed entries."""
    rows = db.execute("SELECT name, bytes FROM parts WHERE sandbox = ?", (sandbox,))
    return {name.decode(): part for name, part in rows}


def apply(parts: Parts, entries: Sequence[Entry]) -> None:
    """Make of the parts before some entries those after them."""
    for entry in entries:
        if entry.cleared:
            for name in [name for name in parts if name.startswith(entry.cleared)]:
                del parts[name]
        for name, part in entry.parts.items():
            if part is None:
                parts.pop(name, None)
            else:
                parts[name] = part


def list_all(db: sqlite3.Connection) -> int:
    """List the new chains of all sandboxes, and drop those of sandboxes that are gone.

    Return about how many bytes this has written.
    """
    chains, dropped, written, last = defaultdict[int, list[_Chain]](list), list[int](), 0, 0
    columns = "sandbox, id, head, count, changes, length(calls)"
    for sandbox, last, *chain in db.execute(f"SELECT {columns} FROM chains WHERE {_NEW} ORDER BY id"):
        chains[sandbox].append(_Chain(last, *chain))
    for sandbox, some in chains.items():
        if db.execute("SELECT 1 FROM sandboxes WHERE id = ?", (sandbox,)).fetchone() is None:
            dropped += [chain.id for chain in some]
        else:
            written += _write_parts(db, sandbox, [one for chain in some for one in chain.entries()])
            dropped += _write_list(db, sandbox, some)
    _drop(db, sorted(dropped))  # all at once in their order: those of one page may be of many sandboxes
    db.execute("UPDATE progress SET listed = max(listed, ?)", (last,))
    return written


def remove(db: sqlite3.Connection, sandbox: int) -> None:
    """Remove the listed chains of a sandbox, and its parts. The others go when they would be listed."""
    lists = lists_of(sandbox)
    for (chains,) in db.execute("SELECT chains FROM lists WHERE id BETWEEN ? AND ?", lists).fetchall():
        _drop(db, _unpacked(chains))
    db.execute("DELETE FROM lists WHERE id BETWEEN ? AND ?", lists)
    db.execute("DELETE FROM parts WHERE sandbox = ?", (sandbox,))


class _Chain(msgspec.Struct, gc=False):
    """A chain without its calls, of which it only has the size."""

    id: int
    head: bytes
    count: int
    changes: bytes
    calls_bytes: int

    @property
    def size(self) -> int:
        return len(self.changes) + self.calls_bytes

    def entries(self) -> list[_Change]:
        return _changes(_array(self.count, self.changes))


def _decoded(count: int, changes: bytes, calls: bytes) -> Iterator[Entry]:
    place = 0
    for one in _changes(_array(count, changes)):
        start, place = place, place + one.call_bytes
        yield Entry(
            token=one.token, time=one.time, parts=one.parts, cleared=one.cleared, call=calls[start:place],
            serial=one.serial,
        )  # fmt: skip


def _entries(db: sqlite3.Connection, packed: bytes) -> Iterator[Entry]:
    """Yield the entries of listed chains."""
    for id in _unpacked(packed):
        for row in db.execute(f"SELECT {_COLUMNS} FROM chains WHERE id = ?", (id,)):
            yield from _decoded(*row)


def _write_parts(db: sqlite3.Connection, sandbox: int, entries: Sequence[_Change]) -> int:
    """Write what entries make of the parts. Return about how many bytes this has written."""
    changes: dict[str, bytes | None] = {}
    for entry in entries:
        if entry.cleared:
            first = entry.cleared.encode()
            end = first[:-1] + bytes([first[-1] + 1])  # no byte of UTF-8 is 255
            db.execute(
                "DELETE FROM parts WHERE sandbox = ? AND name >= ? AND name < ?", (sandbox, first, end)
            )
            changes = {name: part for name, part in changes.items() if not name.startswith(entry.cleared)}
        changes.update(entry.parts)
    # In the order of the table: neighbours are on one page.
    rows = sorted((sandbox, name.encode(), part) for name, part in changes.items())
    db.executemany(
        "INSERT OR REPLACE INTO parts VALUES (?, ?, ?)", [row for row in rows if row[2] is not None]
    )
    db.executemany(
        "DELETE FROM parts WHERE sandbox = ? AND name = ?", [row[:2] for row in rows if row[2] is None]
    )
    return PART_BYTES * len(rows)


def _write_list(db: sqlite3.Connection, sandbox: int, chains: Sequence[_Chain]) -> list[int]:
    """List chains, and drop the lists before that have no entry within the bounds.

    Return the chains of these lists: they are to be dropped, too.
    """
    before, _, written = _newest_list(db, sandbox)
    id = before + sum(chain.count for chain in chains)
    written += sum(chain.size for chain in chains)
    lists, ids = lists_of(sandbox), [chain.id for chain in chains]
    db.execute("INSERT INTO lists VALUES (?, ?, ?, ?)", (id, chains[-1].head, written, _packed(ids)))
    oldest = "SELECT id, written, chains FROM lists WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1"
    dropped: list[int] = []
    while True:
        old, size, packed = db.execute(oldest, lists).fetchone()
        if old > id - MAX_ENTRIES and written - size <= MAX_ENCODED_BYTES:
            return dropped
        db.execute("DELETE FROM lists WHERE id = ?", (old,))
        dropped += _unpacked(packed)


def _newest_list(db: sqlite3.Connection, sandbox: int) -> tuple[int, bytes, int]:
    """Return id, head and `written` of the newest list of a sandbox. If there is none: as of no entry."""
    newest = "SELECT id, head, written FROM lists WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1"
    id, head, written = db.execute(newest, lists_of(sandbox)).fetchone() or (list_id(sandbox, 0), b"", 0)
    return id, head, written


def _drop(db: sqlite3.Connection, chains: Sequence[int]) -> None:
    db.executemany("DELETE FROM chains WHERE id = ?", [(id,) for id in chains])


def _packed(ids: Sequence[int]) -> bytes:
    """Return ascending ids as bytes: the first, and then the differences, which are small."""
    return _encode([ids[0], *(later - earlier for earlier, later in pairwise(ids))])


def _unpacked(packed: bytes) -> list[int]:
    return [*accumulate(_ids(packed))]


def _array(count: int, encoded: bytes) -> bytes:
    return b"\xdd" + count.to_bytes(4, "big") + encoded  # in MessagePack
