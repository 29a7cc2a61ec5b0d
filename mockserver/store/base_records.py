"""Shelves: what kinds of record a vendor has, the page's own ones, and how the others are generated.

All but the names of generated goods repeats, so a record is a copy of the first of its kind with
names of its own, whatever its number.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mockserver.catalog.products import Catalog

Record = Mapping[str, Any]
Template = dict[str, Any]  # a record whose names are formats of a number, or None where they are the number
Locate = Callable[[Catalog, str], int | None]


@dataclass(frozen=True)
class Collection:
    """One kind of record at one vendor: how it is named, counted, made and found again.

    `key` is the field that names a record. `make` builds generated record `n` of `count`;
    `locate` finds the `n` of a key, `aliases` the `n` of another field's value. Records that have
    `id_formats` fields, and are as many as the goods have variants, repeat as those do, but for these
    fields: a number, or a text with a number at its end in some format; `id_numbers` makes them from
    `n`, and `id_search` tells, as bits, which records contain a text there (in lower case).
    """

    name: str
    key: str
    count: Callable[[Catalog], int] = lambda catalog: 0
    make: Callable[[Catalog, int], Record] = lambda catalog, n: {}
    locate: Locate = lambda catalog, key: None
    aliases: Mapping[str, Locate] = field(default_factory=dict)
    id_formats: Mapping[str, str] = field(default_factory=dict)
    id_numbers: Callable[[Catalog, int], tuple[int, ...]] = lambda catalog, n: ()
    id_search: Mapping[str, Callable[[Catalog, str], int]] = field(default_factory=dict)


@dataclass(frozen=True)
class BaseRecords:
    """A collection, with its vendor and the page's own records."""

    vendor: str
    collection: Collection
    fixtures: tuple[Record, ...]
    positions: Mapping[tuple[str, str], int]

    @classmethod
    def of(cls, vendor: str, collection: Collection, fixtures: tuple[Record, ...]) -> "BaseRecords":
        """The shelf of a vendor's collection. KeyError: a pinned record has no key."""
        fields = (collection.key, *collection.aliases)
        for record in fixtures:
            record[collection.key]
        positions = {
            (name, str(record[name])): n
            for n, record in enumerate(fixtures)
            for name in fields
            if record.get(name) is not None
        }
        return cls(vendor, collection, fixtures, positions)

    def generate_many(self, catalog: Catalog, numbers: Iterable[int]) -> list[Record]:
        """Generated records."""
        return [self.generate(catalog, number) for number in numbers]

    def generate(self, catalog: Catalog, number: int) -> Record:
        """A generated record, of which only the names are made anew if it is one of those that repeat."""
        of = self.collection
        if not of.id_formats:
            return of.make(catalog, number)
        record = self.template(catalog, number).copy()
        for name, value in zip(of.id_formats, of.id_numbers(catalog, number)):  # noqa: B905 as many, see `_make_template`
            form = record[name]
            record[name] = form % value if form else value
        return record

    def template(self, catalog: Catalog, number: int) -> Template:
        """How the record of a number looks."""
        number %= catalog.period
        known = catalog.record_templates.get(self.id)
        return (known and known.get(number)) or self._make_template(catalog, number)

    def first_period(self, catalog: Catalog) -> list[Record]:
        """How generated records look, up to where they begin to repeat; if they do not, the records."""
        count = self.collection.count(catalog)
        if not self.collection.id_formats:
            return self.generate_many(catalog, range(count))
        return [self.template(catalog, number) for number in range(min(catalog.period, count))]

    def has_first_period(self, catalog: Catalog) -> bool:
        """Whether the first period has been made, so that it costs nothing to look at."""
        return bool(self.collection.id_formats) and len(self._known(catalog)) >= min(
            catalog.period, self.collection.count(catalog)
        )

    def _known(self, catalog: Catalog) -> dict[int, Template]:
        """How records look, by number: kept with the goods, for as long as they are."""
        known: dict[int, Template] = catalog.record_templates.setdefault(self.id, {})
        return known

    def _make_template(self, catalog: Catalog, number: int) -> Template:
        of = self.collection
        template, values = dict(of.make(catalog, number)), of.id_numbers(catalog, number)
        for (name, end), value in zip(of.id_formats.items(), values, strict=True):
            template[name] = _format_of(template[name], end, value)
        self._known(catalog)[number] = template
        return template

    @cached_property
    def id(self) -> tuple[str, str]:
        return self.vendor, self.collection.name


def _format_of(name: Any, end: str, value: int) -> str | None:
    """A name as the format of a number; None where it is the number. ValueError: it does not end so."""
    if name == value:
        return None
    if not str(name).endswith(end % value):
        raise ValueError(f"{name!r} does not end with {end % value}")
    return str(name).removesuffix(end % value).replace("%", "%%") + end


class Page(Sequence[Record]):
    """Generated records in a row, each made when it is looked at; none is that nobody looks at."""

    __slots__ = ("base", "catalog", "numbers")

    def __init__(self, base: BaseRecords, catalog: Catalog, numbers: range) -> None:
        self.base, self.catalog, self.numbers = base, catalog, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.base.generate_many(self.catalog, self.numbers))

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Page | list) else NotImplemented

    def __getitem__(self, position):  # type: ignore[no-untyped-def]
        found = self.numbers[position]
        if isinstance(found, range):
            return Page(self.base, self.catalog, found)
        return self.base.generate(self.catalog, found)
