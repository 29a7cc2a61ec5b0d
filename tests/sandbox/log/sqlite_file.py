"""A store in SQLite, as another process sees it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def rows(path: Path, query: str) -> list[Any]:
    """Return what another connection finds in the file."""
    db = sqlite3.connect(path)
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Write to a file, as another process, until the end of the block."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")
    finally:
        db.close()
