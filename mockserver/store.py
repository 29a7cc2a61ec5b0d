"""Records: what a vendor's collection holds in one sandbox, and the changes made to it.

A collection is the page's own records, then the generated ones. Changes lie on top, in an
immutable map: a draft that is thrown away leaves no trace, and a copy costs nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from immutables import Map

from mockserver.goods import Goods

Record = Mapping[str, Any]
Locate = Callable[[Goods, str], int | None]
State = Map[tuple[str, str, str], Record]
"""Changed records by vendor, collection and key."""


@dataclass(frozen=True)
class Collection:
    """One kind of record at one vendor: how it is named, counted, made and found again.

    `key` is the field that names a record. `make` builds generated record `n` of `count`;
    `locate` finds the `n` of a key, `aliases` the `n` of another field's value.
    """

    name: str
    key: str
    count: Callable[[Goods], int] = lambda goods: 0
    make: Callable[[Goods, int], Record] = lambda goods, n: {}
    locate: Locate = lambda goods, key: None
    aliases: Mapping[str, Locate] = field(default_factory=dict)


@dataclass(frozen=True)
class Shelf:
    """A collection, with its vendor and the page's own records."""

    vendor: str
    collection: Collection
    pinned: tuple[Record, ...]
    positions: Mapping[tuple[str, str], int]

    @classmethod
    def of(cls, vendor: str, collection: Collection, pinned: tuple[Record, ...]) -> "Shelf":
        fields = (collection.key, *collection.aliases)
        positions = {
            (name, str(record[name])): n
            for n, record in enumerate(pinned)
            for name in fields
            if record.get(name) is not None
        }
        return cls(vendor, collection, pinned, positions)


class Draft:
    """One call's view of a sandbox: its records, with the changes that the call has made."""

    def __init__(self, goods: Goods, state: State) -> None:
        self.goods, self.state = goods, state


class Records:
    """One collection as a call sees it. Keys are text; positions count from 0."""

    def __init__(self, shelf: Shelf, draft: Draft) -> None:
        self._shelf, self._draft = shelf, draft
        self._of = shelf.collection

    def __len__(self) -> int:
        return len(self._shelf.pinned) + self._of.count(self._draft.goods)

    def __iter__(self) -> Iterator[Record]:
        return (self.at(position) for position in range(len(self)))

    def page(self, offset: int, limit: int) -> list[Record]:
        """At most `limit` records from `offset` on; none past the end."""
        return [self.at(position) for position in range(len(self))[offset : offset + limit]]

    def at(self, position: int) -> Record:
        pinned = self._shelf.pinned
        if position < len(pinned):
            return self._current(pinned[position])
        return self._current(self._of.make(self._draft.goods, position - len(pinned)))

    def get(self, key: str) -> Record | None:
        """The record of a key, or None."""
        return self.find(self._of.key, key)

    def find(self, name: str, value: str) -> Record | None:
        """The record whose key or alias `name` is `value`, or None."""
        position = self._position(name, value)
        return None if position is None else self.at(position)

    def position(self, key: str) -> int | None:
        """Where the record of a key stands, or None."""
        return self._position(self._of.key, key)

    def put(self, record: Record) -> None:
        """Replace the record of the same key, once the call succeeds."""
        self._draft.state = self._draft.state.set(self._slot(record), record)

    def _position(self, name: str, value: str) -> int | None:
        pinned = self._shelf.positions.get((name, value))
        if pinned is not None:
            return pinned
        locate = self._of.locate if name == self._of.key else self._of.aliases[name]
        number = locate(self._draft.goods, value)
        if number is None or not 0 <= number < self._of.count(self._draft.goods):
            return None
        return number + len(self._shelf.pinned)

    def _current(self, record: Record) -> Record:
        return self._draft.state.get(self._slot(record), record)

    def _slot(self, record: Record) -> tuple[str, str, str]:
        return self._shelf.vendor, self._of.name, str(record[self._of.key])
