"""The entries in a file: the recent ones of all sandboxes together, the older ones in blocks of one sandbox.

An append writes one row at the end of `recent`. Now and then all of them are put away: what they make of the
parts is written to `parts`, and the entries of each sandbox become a block. So a part that changes at each
turn is not written at each turn, and what is no longer kept is removed a block at a time.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from mockserver.sandbox.log.log import MAX_BYTES, MAX_ENTRIES, Entry, latest
from mockserver.sandbox.log.sqlite.schema import MAX_LENGTH, block_id, blocks_of

encode = msgspec.msgpack.Encoder().encode  # of one entry; one after another they make a row's `entries`
MAX_ENCODED_BYTES = 2 * MAX_BYTES  # of entries put away: an entry encoded is larger than its `size`


class _Changes(msgspec.Struct):
    """The changes of an entry to the parts."""

    parts: dict[str, bytes | None]
    cleared: str


_decoder = msgspec.msgpack.Decoder(list[Entry])
_changes_decoder = msgspec.msgpack.Decoder(list[_Changes])
Parts = dict[str, bytes]


def decode(count: int, encoded: bytes) -> list[Entry]:
    """Return the entries of a row."""
    return _decoder.decode(_array(count, encoded))


def recent(db: sqlite3.Connection, sandbox: int) -> list[Entry]:
    """Return the entries that have not been put away."""
    rows = db.execute("SELECT count, entries FROM recent WHERE sandbox = ? ORDER BY id", (sandbox,))
    return [entry for row in rows for entry in decode(*row)]


def put_away(db: sqlite3.Connection, sandbox: int) -> list[Entry]:
    """Return the entries that have been put away and may still be within the bounds."""
    rows = db.execute(
        "SELECT count, entries FROM blocks WHERE id BETWEEN ? AND ? ORDER BY id", blocks_of(sandbox)
    )
    return [entry for row in rows for entry in decode(*row)]


def after(db: sqlite3.Connection, sandbox: int, head: bytes) -> list[Entry] | None:
    """Return the entries after a head, or None if the log lacks it."""
    found: list[Entry] = []
    rows = db.execute("SELECT count, entries FROM recent WHERE sandbox = ? ORDER BY id DESC", (sandbox,))
    for row in rows:
        found = decode(*row) + found
        if any(entry.token == head for entry in found):
            break
    else:
        found = put_away(db, sandbox) + found
    kept = latest(found)
    place = next((place for place, entry in enumerate(kept) if entry.token == head), None)
    return None if place is None else [*kept[place + 1 :]]


def read_parts(db: sqlite3.Connection, sandbox: int) -> Parts:
    """Return the parts as of the entries that have been put away."""
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


def put_all_away(db: sqlite3.Connection) -> None:
    """Put away the recent entries of all sandboxes, and drop those of sandboxes that are gone."""
    rows = defaultdict[int, list[tuple[int, bytes]]](list)
    for sandbox, count, some in db.execute("SELECT sandbox, count, entries FROM recent ORDER BY id"):
        rows[sandbox].append((count, some))
    db.execute("DELETE FROM recent")
    for sandbox, chain in rows.items():
        head = db.execute("SELECT length FROM heads WHERE id = ?", (sandbox,)).fetchone()
        if head is not None:
            count, encoded = sum(count for count, _ in chain), b"".join([some for _, some in chain])
            _write_parts(db, sandbox, _changes_decoder.decode(_array(count, encoded)))
            _write_block(db, block_id(sandbox, head[0]), count, encoded)


def _write_parts(db: sqlite3.Connection, sandbox: int, entries: Sequence[_Changes]) -> None:
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
    rows = [(sandbox, name.encode(), part) for name, part in changes.items()]
    db.executemany(
        "INSERT OR REPLACE INTO parts VALUES (?, ?, ?)", [row for row in rows if row[2] is not None]
    )
    db.executemany(
        "DELETE FROM parts WHERE sandbox = ? AND name = ?", [row[:2] for row in rows if row[2] is None]
    )


def _write_block(db: sqlite3.Connection, id: int, count: int, encoded: bytes) -> None:
    """Write a block, and remove those before it that no longer have an entry within the bounds."""
    blocks = blocks_of(id // MAX_LENGTH)
    newest = "SELECT written FROM blocks WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT 1"
    (before,) = db.execute(newest, blocks).fetchone() or (0,)
    written = before + len(encoded)
    db.execute("INSERT INTO blocks VALUES (?, ?, ?, ?)", (id, written, count, encoded))
    oldest = "SELECT id, written FROM blocks WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1"
    while True:
        old, size = db.execute(oldest, blocks).fetchone()
        if old > id - MAX_ENTRIES and written - size <= MAX_ENCODED_BYTES:
            break
        db.execute("DELETE FROM blocks WHERE id = ?", (old,))


def _array(count: int, encoded: bytes) -> bytes:
    return b"\xdd" + count.to_bytes(4, "big") + encoded  # in MessagePack
