"""The sandboxes in a file: their lives, and what finds them."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from mockserver.sandbox.log.log import Life
from mockserver.sandbox.log.sqlite import entries

MAX_NAMES = 500  # in one statement: below the 999 variables of old versions of SQLite
_encode_keys = msgspec.msgpack.Encoder().encode
_decode_keys = msgspec.msgpack.Decoder(tuple[bytes, ...]).decode


@dataclass(slots=True, eq=False)
class Head:
    """A sandbox as the file has it, and what is to be written to it.

    `changes` and `calls` are those of the entries that the file does not have yet (see `entries.encode`).
    `written` is the life that it has.
    """

    id: int
    head: bytes
    life: Life
    written: Life
    changes: list[bytes] = field(default_factory=list)
    calls: list[bytes] = field(default_factory=list)

    def expired(self, now: int) -> bool:
        return self.life.expires is not None and self.life.expires <= now


def find(db: sqlite3.Connection, name: str, unlisted: Mapping[int, bytes] | None = None) -> Head | None:
    """Return a sandbox, also if it has expired, or None.

    `unlisted` are the heads that unlisted chains have made, by sandbox, if they are known.
    """
    columns = "id, expires, implicit, keys"
    row = db.execute(f"SELECT {columns} FROM sandboxes WHERE name = ?", (name,)).fetchone()
    if row is None:
        return None
    id, expires, implicit, keys = row
    life = Life(expires, bool(implicit), _decode_keys(keys))
    head = (unlisted.get(id) or entries.listed_head(db, id)) if unlisted is not None else entries.head(db, id)
    return Head(id, head, life, life)


def find_living(db: sqlite3.Connection, name: str, now: int) -> Head | None:
    """Return a sandbox, or None if there is none or it has expired."""
    found = find(db, name)
    return None if found is None or found.expired(now) else found


def heads(db: sqlite3.Connection, names: Sequence[str], now: int) -> dict[str, bytes]:
    """Return the heads of those of the sandboxes that exist."""
    found: dict[str, int] = {}
    for start in range(0, len(names), MAX_NAMES):
        some = names[start : start + MAX_NAMES]
        found |= db.execute(
            f"""SELECT name, id FROM sandboxes
                WHERE name IN ({", ".join("?" * len(some))}) AND (expires IS NULL OR expires > ?)""",
            (*some, now),
        )
    by_id = entries.heads(db, found.values())
    return {name: by_id[id] for name, id in found.items()}


def create(db: sqlite3.Connection, name: str) -> Head:
    """Make a sandbox without entries. Its life is written later."""
    nobody = Life()
    cursor = db.execute(
        "INSERT INTO sandboxes (name, implicit, keys) VALUES (?, 0, ?)", (name, _encode_keys(nobody.keys))
    )
    assert cursor.lastrowid is not None
    return Head(cursor.lastrowid, b"", nobody, nobody)


def write_life(db: sqlite3.Connection, sandbox: Head) -> None:
    """Write the life of a sandbox."""
    life = sandbox.life
    db.execute(
        "UPDATE sandboxes SET expires = ?, implicit = ?, keys = ? WHERE id = ?",
        (life.expires, life.implicit, _encode_keys(life.keys), sandbox.id),
    )
    _note_changed_lives(db)
    if life.keys != sandbox.written.keys:
        _remove_keys(db, sandbox.id, sandbox.written.keys)
        db.executemany("INSERT OR IGNORE INTO keys VALUES (?, ?)", [(key, sandbox.id) for key in life.keys])
    sandbox.written = life


def remove(db: sqlite3.Connection, sandbox: int) -> None:
    """Remove a sandbox with all of it but its new chains, which go when they would be listed."""
    (keys,) = db.execute("SELECT keys FROM sandboxes WHERE id = ?", (sandbox,)).fetchone()
    _remove_keys(db, sandbox, _decode_keys(keys))
    db.execute("DELETE FROM sandboxes WHERE id = ?", (sandbox,))
    entries.remove(db, sandbox)
    _note_changed_lives(db)


def _note_changed_lives(db: sqlite3.Connection) -> None:
    db.execute("UPDATE progress SET lives = lives + 1")


def remove_expired(db: sqlite3.Connection, now: int, limit: int) -> int:
    """Remove up to `limit` sandboxes that have expired, and return how many they were."""
    expired = db.execute(
        "SELECT id FROM sandboxes WHERE implicit IN (0, 1) AND expires <= ? LIMIT ?", (now, limit)
    ).fetchall()
    for (sandbox,) in expired:
        remove(db, sandbox)
    return len(expired)


def count(db: sqlite3.Connection, now: int) -> int:
    living = "SELECT count(*) FROM sandboxes WHERE expires IS NULL OR expires > ?"
    return int(db.execute(living, (now,)).fetchone()[0])


def names(db: sqlite3.Connection, after: str, limit: int, now: int) -> tuple[list[str], int]:
    """Return up to `limit` names after `after` in order, and the number of all."""
    rows = db.execute(
        """SELECT name FROM sandboxes WHERE name > ? AND (expires IS NULL OR expires > ?)
            ORDER BY name LIMIT ?""",
        (after, now, limit),
    )
    return [name for (name,) in rows], count(db, now)


def name_with(db: sqlite3.Connection, key: bytes, now: int) -> str | None:
    """Return the name of the sandbox that has a key, or None."""
    row = db.execute(
        """SELECT name FROM keys JOIN sandboxes ON sandboxes.id = sandbox
            WHERE key = ? AND (expires IS NULL OR expires > ?) LIMIT 1""",
        (key, now),
    ).fetchone()
    return None if row is None else str(row[0])


def oldest_implicit(db: sqlite3.Connection) -> str | None:
    """Return the name of the implicit sandbox that expires first, or None if there is none."""
    row = db.execute(
        """SELECT name FROM sandboxes WHERE implicit = 1 AND expires IS NOT NULL
            ORDER BY expires LIMIT 1"""
    ).fetchone()
    return None if row is None else str(row[0])


def _remove_keys(db: sqlite3.Connection, sandbox: int, keys: tuple[bytes, ...]) -> None:
    db.executemany("DELETE FROM keys WHERE key = ? AND sandbox = ?", [(key, sandbox) for key in keys])
