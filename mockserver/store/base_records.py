"""Shelves: what kinds of record a vendor has, the page's own ones, and how the others are generated.

All but the names of generated goods repeats, so a record is a copy of the first of its kind with
names of its own, whatever its number.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mockserver.catalog.products import Goods

Record = Mapping[str, Any]
Look = dict[str, Any]  # a record whose names are formats of a number, or None where they are the number
Locate = Callable[[Goods, str], int | None]


@dataclass(frozen=True)
class Collection:
    """One kind of record at one vendor: how it is named, counted, made and found again.

    `key` is the field that names a record. `make` builds generated record `n` of `count`;
    `locate` finds the `n` of a key, `aliases` the `n` of another field's value. Records that have
    `named` fields, and are as many as the goods have variants, repeat as those do, but for these
    fields: a number, or a text with a number at its end in some format; `numbers` makes them from
    `n`, and `parts` tells, as bits, which records contain a text there (in lower case).
    """

    name: str
    key: str
    count: Callable[[Goods], int] = lambda goods: 0
    make: Callable[[Goods, int], Record] = lambda goods, n: {}
    locate: Locate = lambda goods, key: None
    aliases: Mapping[str, Locate] = field(default_factory=dict)
    named: Mapping[str, str] = field(default_factory=dict)
    numbers: Callable[[Goods, int], tuple[int, ...]] = lambda goods, n: ()
    parts: Mapping[str, Callable[[Goods, str], int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Shelf:
    """A collection, with its vendor and the page's own records."""

    vendor: str
    collection: Collection
    pinned: tuple[Record, ...]
    positions: Mapping[tuple[str, str], int]

    @classmethod
    def of(cls, vendor: str, collection: Collection, pinned: tuple[Record, ...]) -> "Shelf":
        """The shelf of a vendor's collection. KeyError: a pinned record has no key."""
        fields = (collection.key, *collection.aliases)
        for record in pinned:
            record[collection.key]
        positions = {
            (name, str(record[name])): n
            for n, record in enumerate(pinned)
            for name in fields
            if record.get(name) is not None
        }
        return cls(vendor, collection, pinned, positions)

    def made(self, goods: Goods, numbers: Iterable[int]) -> list[Record]:
        """Generated records."""
        return [self.one(goods, number) for number in numbers]

    def one(self, goods: Goods, number: int) -> Record:
        """A generated record, of which only the names are made anew if it is one of those that repeat."""
        of = self.collection
        if not of.named:
            return of.make(goods, number)
        record = self.look(goods, number).copy()
        for name, value in zip(of.named, of.numbers(goods, number)):  # noqa: B905 as many, see `_learn`
            form = record[name]
            record[name] = form % value if form else value
        return record

    def look(self, goods: Goods, number: int) -> Look:
        """How the record of a number looks."""
        number %= goods.period
        known = goods.kept.get(self.place)
        return (known and known.get(number)) or self._learn(goods, number)

    def first_period(self, goods: Goods) -> list[Record]:
        """How generated records look, up to where they begin to repeat; if they do not, the records."""
        count = self.collection.count(goods)
        if not self.collection.named:
            return self.made(goods, range(count))
        return [self.look(goods, number) for number in range(min(goods.period, count))]

    def knows(self, goods: Goods) -> bool:
        """Whether the first period has been made, so that it costs nothing to look at."""
        return bool(self.collection.named) and len(self._known(goods)) >= min(
            goods.period, self.collection.count(goods)
        )

    def _known(self, goods: Goods) -> dict[int, Look]:
        """How records look, by number: kept with the goods, for as long as they are."""
        known: dict[int, Look] = goods.kept.setdefault(self.place, {})
        return known

    def _learn(self, goods: Goods, number: int) -> Look:
        of = self.collection
        look, values = dict(of.make(goods, number)), of.numbers(goods, number)
        for (name, end), value in zip(of.named.items(), values, strict=True):
            look[name] = _form(look[name], end, value)
        self._known(goods)[number] = look
        return look

    @cached_property
    def place(self) -> tuple[str, str]:
        return self.vendor, self.collection.name


def _form(name: Any, end: str, value: int) -> str | None:
    """A name as the format of a number; None where it is the number. ValueError: it does not end so."""
    if name == value:
        return None
    if not str(name).endswith(end % value):
        raise ValueError(f"{name!r} does not end with {end % value}")
    return str(name).removesuffix(end % value).replace("%", "%%") + end


class Page(Sequence[Record]):
    """Generated records in a row, each made when it is looked at; none is that nobody looks at."""

    __slots__ = ("goods", "numbers", "shelf")

    def __init__(self, shelf: Shelf, goods: Goods, numbers: range) -> None:
        self.shelf, self.goods, self.numbers = shelf, goods, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.shelf.made(self.goods, self.numbers))

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Page | list) else NotImplemented

    def __getitem__(self, position):  # type: ignore[no-untyped-def]
        found = self.numbers[position]
        if isinstance(found, range):
            return Page(self.shelf, self.goods, found)
        return self.shelf.one(self.goods, found)
