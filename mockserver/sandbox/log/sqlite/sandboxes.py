"""The sandboxes in a file: their heads and lives, and what finds them."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from mockserver.sandbox.log.log import Life
from mockserver.sandbox.log.sqlite.schema import blocks_of

MAX_NAMES = 500  # in one statement: below the 999 variables of old versions of SQLite
_encode_keys = msgspec.msgpack.Encoder().encode
_decode_keys = msgspec.msgpack.Decoder(tuple[bytes, ...]).decode


@dataclass(slots=True, eq=False)
class Head:
    """A sandbox as the file has it, and what is to be written to it.

    `chain` are the encoded entries that the file does not have yet; `written` is the life that it has.
    """

    id: int
    head: bytes
    length: int
    life: Life
    written: Life
    chain: list[bytes] = field(default_factory=list)

    def expired(self, now: int) -> bool:
        return self.life.expires is not None and self.life.expires <= now


def find(db: sqlite3.Connection, name: str) -> Head | None:
    """Return a sandbox, also if it has expired, or None."""
    row = db.execute(
        """SELECT sandboxes.id, head, length, expires, implicit, keys
            FROM sandboxes JOIN heads ON heads.id = sandboxes.id WHERE name = ?""",
        (name,),
    ).fetchone()
    if row is None:
        return None
    id, head, length, expires, implicit, keys = row
    life = Life(expires, bool(implicit), _decode_keys(keys))
    return Head(id, head, length, life, life)


def find_living(db: sqlite3.Connection, name: str, now: int) -> Head | None:
    """Return a sandbox, or None if there is none or it has expired."""
    found = find(db, name)
    return None if found is None or found.expired(now) else found


def heads(db: sqlite3.Connection, names: Sequence[str], now: int) -> dict[str, bytes]:
    """Return the heads of those of the sandboxes that exist."""
    found: dict[str, bytes] = {}
    for start in range(0, len(names), MAX_NAMES):
        some = names[start : start + MAX_NAMES]
        found |= db.execute(
            f"""SELECT name, head FROM sandboxes JOIN heads ON heads.id = sandboxes.id
                WHERE name IN ({", ".join("?" * len(some))}) AND (expires IS NULL OR expires > ?)""",
            (*some, now),
        )
    return found


def create(db: sqlite3.Connection, name: str) -> Head:
    """Make a sandbox without entries. Its head and life are written later."""
    nobody = Life()
    cursor = db.execute(
        "INSERT INTO sandboxes (name, implicit, keys) VALUES (?, 0, ?)", (name, _encode_keys(nobody.keys))
    )
    assert cursor.lastrowid is not None
    return Head(cursor.lastrowid, b"", 0, nobody, nobody)


def write_life(db: sqlite3.Connection, sandbox: Head) -> None:
    """Write the life of a sandbox."""
    life = sandbox.life
    db.execute(
        "UPDATE sandboxes SET expires = ?, implicit = ?, keys = ? WHERE id = ?",
        (life.expires, life.implicit, _encode_keys(life.keys), sandbox.id),
    )
    if life.keys != sandbox.written.keys:
        _remove_keys(db, sandbox.id, sandbox.written.keys)
        db.executemany("INSERT OR IGNORE INTO keys VALUES (?, ?)", [(key, sandbox.id) for key in life.keys])
    sandbox.written = life


def remove(db: sqlite3.Connection, sandbox: int) -> None:
    """Remove a sandbox with all of it but its recent entries, which go when they would be put away."""
    (keys,) = db.execute("SELECT keys FROM sandboxes WHERE id = ?", (sandbox,)).fetchone()
    _remove_keys(db, sandbox, _decode_keys(keys))
    for table in ("sandboxes", "heads"):
        db.execute(f"DELETE FROM {table} WHERE id = ?", (sandbox,))
    db.execute("DELETE FROM parts WHERE sandbox = ?", (sandbox,))
    db.execute("DELETE FROM blocks WHERE id BETWEEN ? AND ?", blocks_of(sandbox))


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
