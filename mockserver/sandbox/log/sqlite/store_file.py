"""The file of a store: opened, made, or refused with a sentence; and the transactions on it."""

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from mockserver.sandbox.log.log import StoreLost, StoreRefused, StoreUnavailable
from mockserver.sandbox.log.sqlite import schema

BUSY_TIMEOUT = 5.0  # seconds that a transaction waits for those of other processes
BUSY_PAUSE = 0.001  # seconds after which it looks again
WAL_BYTES = 4 * 1024 * 1024  # by one process, before it makes a checkpoint
MAX_WAL_BYTES = 16 * 1024 * 1024  # of the write-ahead log after a checkpoint
WAL_TIMEOUT = 0.02  # seconds that a checkpoint waits for the transactions of other processes
LAST_WAL_TIMEOUT = 0.5  # seconds that the last checkpoint of a process waits for them
PAGE_BYTES = 16 * 1024  # of a new file: with 4 KB, SQLite needs about a third more time for an append
CACHED_STATEMENTS = 256
OTHERS = 0o077  # the permissions of all but the owner
_UNWRITABLE = "or its directory cannot be written: choose another file"
_REFUSED = {
    sqlite3.SQLITE_NOTADB: "is not a SQLite database: choose another file",
    sqlite3.SQLITE_CORRUPT: "is damaged: put a copy back, or choose another file",
    sqlite3.SQLITE_READONLY: _UNWRITABLE,
    sqlite3.SQLITE_CANTOPEN: _UNWRITABLE,
    sqlite3.SQLITE_PERM: _UNWRITABLE,
}
log = logging.getLogger("mockserver")


class Busy(Exception):
    """Raised if another process writes at this moment, and the caller does not wait for it."""


class StoreFile:
    """A file that is a store. Only one thread at a time may use it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None
        self._inode = (0, 0)
        self._data_version = -1  # changes if another connection has committed something
        self._generation = ""  # empty if not joined
        self.written = 0  # bytes since the last checkpoint, as an estimate
        self.changes = 0  # how often, as of this transaction, others may have changed what the file holds

    @property
    def is_open(self) -> bool:
        """Return False if the next transaction has to open the file first."""
        return self._db is not None

    @property
    def checkpoint_is_due(self) -> bool:
        """Return True if enough has been written since the last checkpoint."""
        return self.written >= WAL_BYTES

    def join(self, fingerprint: Mapping[str, str], *, fresh: bool) -> str:
        """Open or make the file, and return its generation. Raise StoreRefused if it cannot be used."""
        self.leave()
        _prepare(self._path)
        try:
            db = self._open(fresh=fresh)
            _patiently(db, lambda: db.execute("BEGIN IMMEDIATE"))
            generation = schema.begin(db, str(self._path), fingerprint, fresh)
            db.execute("COMMIT")
            if self._path.stat().st_mode & OTHERS:
                _warn_of_readers(self._path)
            if fresh:
                with suppress(sqlite3.OperationalError):  # if others are using it, it keeps its size
                    db.execute("VACUUM")
        except sqlite3.Error as error:
            self.leave()
            if sentence := _REFUSED.get(_code(error)):
                raise StoreRefused(f"{self._path} {sentence}") from error
            raise self._unavailable(error) from error
        except StoreRefused:
            self.leave()
            raise
        self._generation = generation
        return generation

    def finish(self) -> None:
        """Move all of the write-ahead log into the file, and leave it.

        SQLite does that only in the last process that closes the file. Of workers that end at once, each may
        take another one for the last.
        """
        if self._db is not None:
            with suppress(sqlite3.Error):  # then the next to open the file does it
                self._db.execute(f"PRAGMA busy_timeout = {LAST_WAL_TIMEOUT * 1000:.0f}")
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self.leave()

    def leave(self) -> None:
        """Close the file, and let nothing use it before `join`."""
        self._generation = ""
        self._close()

    @contextmanager
    def transaction(
        self, begin: str = "BEGIN IMMEDIATE", *, waits: bool = True
    ) -> Iterator[sqlite3.Connection]:
        """Commit what is done in the block, or nothing of it if something fails.

        Raise StoreUnavailable if the file cannot be used, and StoreLost if it is not the one that was joined.
        After a failure the next transaction opens the file again. Raise Busy if other processes write and
        this does not wait for them.
        """
        try:
            db = self._opened()
            if waits:
                _patiently(db, lambda: self._begin(db, begin))
            else:
                self._begin_at_once(db, begin)
            yield db
            db.execute("COMMIT")
            self.written += PAGE_BYTES  # it writes that at least
        except sqlite3.Error as error:
            self._close()
            raise self._unavailable(error) from error
        except Busy:
            raise
        except BaseException:
            self._close()
            raise

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file and restart the log, if that is due.

        SQLite moves it by itself, but restarts it only if no process writes or reads at that moment. So while
        processes write all the time, the log would grow without end. While a process reads for long, such as
        a backup, the restart fails, and is tried again later.
        """
        if not self.checkpoint_is_due or self._db is None:
            return
        self.written = 0
        db = self._db
        with suppress(OSError, sqlite3.Error):  # the next transaction meets what is wrong, and says it
            mode = "TRUNCATE" if os.stat(f"{self._path}-wal").st_size > MAX_WAL_BYTES else "RESTART"
            _patiently(db, lambda: db.execute("BEGIN IMMEDIATE"))
            db.execute("COMMIT")  # the others look again a bit later, so they do not write just now
            db.execute(f"PRAGMA busy_timeout = {WAL_TIMEOUT * 1000:.0f}")
            try:
                db.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
            finally:
                db.execute("PRAGMA busy_timeout = 0")
            # The first write after a restart waits for the disk: let that be this one.
            db.execute("UPDATE progress SET lives = lives")

    def _opened(self) -> sqlite3.Connection:
        if not self._generation:  # `join` has failed: this lets the server try it again
            raise StoreLost(f"{self._path} has not been joined")
        try:
            if _inode(self._path) != self._inode:
                raise StoreLost(f"another file was put in the place of {self._path}")
            return self._db or self._open()
        except FileNotFoundError as error:
            raise StoreLost(f"{self._path} was removed") from error
        except (OSError, StoreRefused) as error:
            raise StoreUnavailable(str(error)) from error

    def _open(self, *, fresh: bool = False) -> sqlite3.Connection:
        self._inode = _inode(self._path)
        # By this URI a file that was removed meanwhile is not made again, with permissions for all.
        db = self._db = sqlite3.connect(
            f"{self._path.as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_TIMEOUT,
            isolation_level=None,
            cached_statements=CACHED_STATEMENTS,
            check_same_thread=False,  # it is used by one at a time
        )
        _patiently(db, lambda: self._claim(db, fresh))
        db.execute("PRAGMA busy_timeout = 0")  # from here on, `_patiently` waits
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA secure_delete = OFF")  # the default of some builds; it writes each page once more
        db.execute("PRAGMA temp_store = MEMORY")  # or it makes a file for each change of many rows
        db.execute("PRAGMA wal_autocheckpoint = 0")  # see `checkpoint`
        return db

    def _claim(self, db: sqlite3.Connection, fresh: bool) -> None:
        """Give a file a write-ahead log. Raise StoreRefused if it is not ours, or cannot have one."""
        schema.refuse_foreign(db, str(self._path), fresh)
        db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        if db.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
            raise StoreRefused(f"the file system of {self._path} has no shared memory: choose a local disk")

    def _close(self) -> None:
        if self._db is not None:
            with suppress(sqlite3.Error):  # then the next to open the file makes the checkpoint
                self._db.close()
        self._db, self._data_version = None, -1

    def _begin_at_once(self, db: sqlite3.Connection, begin: str) -> None:
        try:
            self._begin(db, begin)
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY:
                raise
            if db.in_transaction:
                db.rollback()
            raise Busy from error

    def _begin(self, db: sqlite3.Connection, begin: str) -> None:
        """Begin a transaction, and look for what others have changed since the one before."""
        db.execute(begin)
        (version,) = db.execute("PRAGMA data_version").fetchone()
        if version != self._data_version:
            if schema.generation(db) != self._generation:
                raise StoreLost(f"{self._path} was emptied by another server")
            self._data_version = version
            self.changes += 1

    def _unavailable(self, error: sqlite3.Error) -> StoreUnavailable:
        if _code(error) == sqlite3.SQLITE_BUSY:
            return StoreUnavailable(f"another program has locked {self._path} for {BUSY_TIMEOUT:g} seconds")
        return StoreUnavailable(f"cannot use {self._path}: {error}")


def _patiently(db: sqlite3.Connection, begin: Callable[[], object]) -> None:
    """Begin to use a file, once other processes let us.

    SQLite would wait longer each time, up to 0.1 seconds, and so some processes much longer than others. It
    does not wait at all when two processes want to give a new file its write-ahead log.
    """
    end = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            begin()
            return
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            if db.in_transaction:
                db.rollback()
            time.sleep(BUSY_PAUSE)


def _prepare(path: Path) -> None:
    """Make an empty file if there is none. Raise StoreRefused if there is something else, or no place for it.

    A file that is there is not opened: to close it again would drop the locks that this process has on it.
    """
    try:
        if path.is_dir():
            raise StoreRefused(f"{path} is a directory: name a file in it")
        if not path.parent.is_dir():
            raise StoreRefused(f"there is no directory {path.parent}: make it first")
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        if not path.is_file():
            raise StoreRefused(f"{path} is not a file: choose another one")
        if not os.access(path, os.R_OK | os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise StoreRefused(f"{path} {_UNWRITABLE}")
    except OSError as error:
        raise StoreRefused(f"cannot write {path}: {error.strerror}") from error


@cache
def _warn_of_readers(path: Path) -> None:
    log.warning(
        "other users of this machine can open %s, which holds credentials: chmod 600 '%s'*", path, path
    )


def _inode(path: Path) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _code(error: sqlite3.Error) -> int:
    """Return the primary code of an error, or 0 if it is not from SQLite itself."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
