"""The tables of a store, and how a file tells that it is one, with which data.

- `sandboxes` has a row for each sandbox. An id is not used again, because `chains` may still have entries of
  a sandbox that was removed.
- `chains` has the entries of all sandboxes in the order in which they were written: a row for those of one
  sandbox in one group (see `entries`). `head` is the token of the last one.
- `lists` tells which chains a sandbox has: a row for those that were listed together. Its id is that of the
  sandbox and the length of the log up to its last entry (see `entries.list_id`). `head` is the token of that
  entry, and `written` the size of all entries up to it.
- `parts` follows from the entries of listed chains, and from those before them.
- `progress` has one row: `listed` is the id of the last chain that was listed. `lives` changes if the life of
  a sandbox changes, and if one is removed.
"""

import json
import sqlite3
from collections.abc import Mapping
from uuid import uuid4

from mockserver.sandbox.log.fingerprint import differences
from mockserver.sandbox.log.log import StoreRefused

APPLICATION_ID = 0x6D6F636B  # in the header of the file
FORMAT = 2  # of the tables; `meta` is the same in every format
TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE sandboxes (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
        expires INTEGER, implicit INTEGER NOT NULL, keys BLOB NOT NULL)""",
    "CREATE INDEX expiring ON sandboxes (implicit, expires) WHERE expires IS NOT NULL",
    "CREATE TABLE keys (key BLOB, sandbox INTEGER, PRIMARY KEY (key, sandbox)) WITHOUT ROWID",
    """CREATE TABLE chains (id INTEGER PRIMARY KEY, sandbox INTEGER NOT NULL, head BLOB NOT NULL,
        count INTEGER NOT NULL, changes BLOB NOT NULL, calls BLOB NOT NULL)""",
    """CREATE TABLE lists (id INTEGER PRIMARY KEY, head BLOB NOT NULL, written INTEGER NOT NULL,
        chains BLOB NOT NULL)""",
    "CREATE TABLE parts (sandbox INTEGER, name BLOB, bytes BLOB, PRIMARY KEY (sandbox, name)) WITHOUT ROWID",
    "CREATE TABLE progress (listed INTEGER NOT NULL, lives INTEGER NOT NULL)",
    "INSERT INTO progress VALUES (0, 0)",
)
_INSTEAD = "choose another file, or empty it with --fresh"


def refuse_foreign(db: sqlite3.Connection, name: str, fresh: bool) -> None:
    """Raise StoreRefused if a file is of another application, or of another version and not to be emptied."""
    tables = _tables(db)  # first, as another process may just be making them, and the id with them
    application, file_format = _pragma(db, "application_id"), _pragma(db, "user_version")
    if application != APPLICATION_ID and (application or tables):
        raise StoreRefused(f"{name} is the database of another application: choose another file")
    if application and file_format != FORMAT and not fresh:
        writer = "a later" if file_format > FORMAT else "an earlier"
        raise StoreRefused(
            f"{name} was written by {writer} version of mockserver (format {file_format}, and this version"
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
