"""The tables that all servers of one store have alike: logins, links, and the visitors of a public demo.

They are in the memory of this process. If the sandboxes are kept in a log, a keeper keeps the tables there
too (see `turns.shared_log`), and each server takes on what the others have changed.
"""

import hashlib
import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import RLock
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from mockserver.server.access.client_address import client_of

KEY_BYTES, CLIENT_BYTES = 32, 16
T = TypeVar("T")
Row = TypeVar("Row", bound=msgspec.Struct)
_encode = msgspec.msgpack.Encoder().encode
log = logging.getLogger("mockserver")


class Keeper(Protocol):
    """Keeps the tables where other servers find them."""

    def change(self, operation: Callable[[], T]) -> T:
        """Run an operation as `Shared.change` does, from any thread but the event loop's."""
        ...


class Table(Generic[Row]):
    """Rows by their keys, in the order in which they were put. A row is never changed, but replaced."""

    def __init__(self, kind: type[Row], note: Callable[[str], None]) -> None:
        self._rows: dict[str, Row] = {}
        self._decode = msgspec.msgpack.Decoder(kind).decode
        self._note = note

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, key: str) -> Row | None:
        return self._rows.get(key)

    def items(self) -> list[tuple[str, Row]]:
        """Return all rows with their keys. Another thread may change the table meanwhile."""
        return [*self._rows.items()]

    def put(self, key: str, row: Row) -> None:
        """Set a row. It becomes the last one."""
        self._note(key)
        self._rows.pop(key, None)
        self._rows[key] = row

    def remove(self, key: str) -> None:
        """Remove a row, if there is one."""
        self._note(key)
        self._rows.pop(key, None)

    def encoded(self, key: str) -> bytes | None:
        """Return a row as bytes, or None if there is none."""
        row = self._rows.get(key)
        return None if row is None else _encode(row)

    def take_on(self, key: str, encoded: bytes | None) -> None:
        """Set or remove a row as another server has done."""
        self._rows.pop(key, None)
        if encoded is not None:
            self._rows[key] = self._decode(encoded)

    def clear(self) -> None:
        self._rows.clear()


class Shared:
    """The tables of one server. Several threads may use them at once.

    `key` is the key of what must be the same at all servers, such as the hashes of addresses. Without one, it
    is random. It is never kept.
    """

    keeper: Keeper | None = None

    def __init__(self, key: bytes | None = None) -> None:
        self.key, self.lock = key or secrets.token_bytes(KEY_BYTES), RLock()
        self._tables: dict[str, Table[Any]] = {}
        self._before: dict[str, bytes | None] | None = None

    def table(self, name: str, kind: type[Row]) -> Table[Row]:
        """Return a new table. Call this before anybody uses the tables."""
        table = self._tables[name] = Table(kind, lambda key: self._note(f"{name}/{key}"))
        return table

    def client(self, peer: str) -> str:
        """Return the text that stands for the client at an address: a hash with the key."""
        return hashlib.blake2b(client_of(peer).encode(), digest_size=CLIENT_BYTES, key=self.key).hexdigest()

    def change(self, operation: Callable[[], T]) -> T:
        """Run an operation that changes tables, as one step, and return its result.

        It depends on nothing but the tables and changes nothing else: if another server was faster, its
        changes are undone, and it runs again. The result counts at all servers.
        """
        if self.keeper is not None:
            return self.keeper.change(operation)
        with self.lock:
            return operation()

    # For the keeper

    @contextmanager
    def noting(self) -> Iterator[Callable[[], dict[str, bytes | None]]]:
        """Note all changes while the block runs. Yield a function that returns those so far, as parts.

        If the block raises an exception, they are undone.
        """
        before = self._before = {}
        try:
            yield lambda: {name: self._encoded(name) for name in before}
        except BaseException:
            self.take_on(before)
            raise
        finally:
            self._before = None

    def take_on(self, parts: Mapping[str, bytes | None]) -> None:
        """Set and remove rows as the parts of a log say."""
        with self.lock:
            for name, encoded in parts.items():
                table, _, key = name.partition("/")
                if (found := self._tables.get(table)) is None:
                    continue
                try:
                    found.take_on(key, encoded)
                except msgspec.MsgspecError as error:
                    log.warning("the store has a damaged %s, which is ignored: %s", table, error)

    def parts(self) -> dict[str, bytes | None]:
        """Return all rows as parts."""
        with self.lock:
            return {
                f"{name}/{key}": table.encoded(key)
                for name, table in self._tables.items()
                for key, _ in table.items()
            }

    def clear(self) -> None:
        with self.lock:
            for table in self._tables.values():
                table.clear()

    def _note(self, name: str) -> None:
        if self._before is not None and name not in self._before:
            self._before[name] = self._encoded(name)

    def _encoded(self, name: str) -> bytes | None:
        table, _, key = name.partition("/")
        return self._tables[table].encoded(key)
