"""The tables of a store, and how a file tells that it is one, with which data.

- `sandboxes` and `heads` have a row for each sandbox. Each append changes a head, so heads are apart: those
  of many sandboxes are on one page of the file. An id is not used again, because `recent` may still have
  entries of a sandbox that was removed.
- `recent` has the entries of all sandboxes since they were last put away: a row for each chain of one group.
- `blocks` has the older entries, a row for those of one sandbox that were put away together. Its id is that
  of the sandbox and the length of the log up to its last entry (see `block_id`). `written` is the size of all
  entries up to that one.
- `parts` follows from the entries in `blocks`, and from those before them.
"""

import json
import sqlite3
from collections.abc import Mapping
from uuid import uuid4

from mockserver.sandbox.log.fingerprint import differences
from mockserver.sandbox.log.log import StoreRefused

APPLICATION_ID = 0x6D6F636B  # in the header of the file
FORMAT = 1  # of the tables; `meta` is the same in every format
TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE sandboxes (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
        expires INTEGER, implicit INTEGER NOT NULL, keys BLOB NOT NULL)""",
    "CREATE INDEX expiring ON sandboxes (implicit, expires) WHERE expires IS NOT NULL",
    "CREATE TABLE heads (id INTEGER PRIMARY KEY, head BLOB NOT NULL, length INTEGER NOT NULL)",
    "CREATE TABLE keys (key BLOB, sandbox INTEGER, PRIMARY KEY (key, sandbox)) WITHOUT ROWID",
    """CREATE TABLE recent (id INTEGER PRIMARY KEY, sandbox INTEGER NOT NULL, count INTEGER NOT NULL,
        entries BLOB NOT NULL)""",
    """CREATE TABLE blocks (id INTEGER PRIMARY KEY, written INTEGER NOT NULL, count INTEGER NOT NULL,
        entries BLOB NOT NULL)""",
    "CREATE TABLE parts (sandbox INTEGER, name BLOB, bytes BLOB, PRIMARY KEY (sandbox, name)) WITHOUT ROWID",
)
MAX_LENGTH = 2**32  # of a log
_INSTEAD = "choose another file, or empty it with --fresh"


def block_id(sandbox: int, length: int) -> int:
    """Return the id of the block with the entries of a sandbox up to a length of its log."""
    return sandbox * MAX_LENGTH + length


def blocks_of(sandbox: int) -> tuple[int, int]:
    """Return the first and the last id that a block of a sandbox may have."""
    return block_id(sandbox, 0), block_id(sandbox, MAX_LENGTH - 1)


def refuse_foreign(db: sqlite3.Connection, name: str, fresh: bool) -> None:
    """Raise StoreRefused if a file is of another application, or of a later version and not to be emptied."""
    tables = _tables(db)  # first, as another process may just be making them, and the id with them
    application, file_format = _pragma(db, "application_id"), _pragma(db, "user_version")
    if application != APPLICATION_ID and (application or tables):
        raise StoreRefused(f"{name} is the database of another application: choose another file")
    if file_format > FORMAT and not fresh:
        raise StoreRefused(
            f"{name} was written by a later version of mockserver (format {file_format}, and this version"
            f" reads {FORMAT}): use that version, {_INSTEAD}"
        )


def begin(db: sqlite3.Connection, name: str, fingerprint: Mapping[str, str], fresh: bool) -> str:
    """Make the tables if there are none, or if `fresh`, and return the generation.

    Raise StoreRefused if the store holds the data of another fingerprint.
    """
    refuse_foreign(db, name, fresh)  # again, as another process may just have made it
    if fresh:
        for table in _tables(db):
            db.execute(f"DROP TABLE {table}")
    if not _tables(db):
        for statement in TABLES:
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {FORMAT}")
        values = {"generation": uuid4().hex, "fingerprint": json.dumps(dict(fingerprint))}
        db.executemany("INSERT INTO meta VALUES (?, ?)", values.items())
    kept = dict(db.execute("SELECT key, value FROM meta"))
    _refuse_other_data(name, json.loads(kept["fingerprint"]), fingerprint)
    return str(kept["generation"])


def generation(db: sqlite3.Connection) -> str:
    return str(db.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()[0])


def _refuse_other_data(name: str, kept: Mapping[str, str], ours: Mapping[str, str]) -> None:
    if other := differences(kept, ours):
        raise StoreRefused(f"{name} has other data: {other}. Start with the same options, {_INSTEAD}")


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])


def _tables(db: sqlite3.Connection) -> list[str]:
    tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    return [name for (name,) in db.execute(tables)]
