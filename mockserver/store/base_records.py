"""Collections and their original records: those of the fixture file, then the generated ones.

The catalog repeats after its period, except for ids. So a generated record is made as a copy of a template,
the record with the same number in the first period, with the ids filled in.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mockserver.catalog.products import Catalog

Record = Mapping[str, Any]
# A record whose id fields hold a %-format for the number, or None if the field is the number itself.
Template = dict[str, Any]
Locate = Callable[[Catalog, str], int | None]


@dataclass(frozen=True)
class Collection:
    """One kind of record at a vendor: how records are named, generated and found.

    A collection has the records listed under its name in the vendor's fixture file, followed by `count`
    generated ones, numbered from 0, followed by those that clients add. A collection that exists only in
    the fixture file needs `name` and `key` and nothing else.

    `name`: its name in the fixture file, in the spec (`x-collection`), in `Call.records` and in the control
    API.

    `key`: the field that identifies a record, such as `"id"`. Its value is compared as text. Every record
    must have it.

    `count(catalog)`: the number of generated records, for instance `catalog.variant_count` if there is one
    for each variant. Left out: none.

    `make(catalog, n)`: return generated record `n`, as a dict. It must depend on its arguments only.
    Required if there is a `count`.

    `locate(catalog, key)`: return the `n` of the generated record with this key (a text), or None for any
    other text. It may return a number outside of the collection. Required if there is a `count`.

    `aliases`: further fields by which `Records.find` finds a record, such as `"sku"`, each with a function
    like `locate` that finds the `n` for a value. An alias must have the name of an attribute of `Variant`,
    because the control API looks for duplicates by it when it creates a product. A record may lack an
    alias or have None there.

    The remaining fields only make large collections faster, and may be left out. They say that records
    repeat as the catalog does, except for some id fields. Give them only if `count` is
    `catalog.variant_count`.

    `id_formats`: the fields that do not repeat, each with the %-format in which a number ends its value, such
    as `"%06x"`. If the value is the number itself, an int, the format is not used. List the fields in the
    order in which they stand in the record.

    `id_numbers(catalog, n)`: return the numbers of record `n`, in the order of `id_formats`.

    `id_search`: for each of these fields that clients can search by a part of its value, a function of the
    catalog and a text in lower case that returns the generated records whose field contains the text,
    ignoring case, as a bit set (bit `n` for record `n`). Needed for `id_contains` of `Records.where`.
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
    """A collection of a vendor with its original records. Use `of` to make one.

    `fixtures` are the records of the fixture file; `fixture_indexes` leads from the name and value of a key
    or alias to an index in `fixtures`.
    """

    vendor: str
    collection: Collection
    fixtures: tuple[Record, ...]
    fixture_indexes: Mapping[tuple[str, str], int]

    @classmethod
    def of(cls, vendor: str, collection: Collection, fixtures: tuple[Record, ...]) -> "BaseRecords":
        """Return a collection with these fixtures. Raise KeyError if one of them has no key."""
        fields = (collection.key, *collection.aliases)
        for record in fixtures:
            record[collection.key]
        fixture_indexes = {
            (name, str(record[name])): index
            for index, record in enumerate(fixtures)
            for name in fields
            if record.get(name) is not None
        }
        return cls(vendor, collection, fixtures, fixture_indexes)

    @cached_property
    def id(self) -> tuple[str, str]:
        """Return the names of the vendor and of the collection."""
        return self.vendor, self.collection.name

    def generate_many(self, catalog: Catalog, numbers: Iterable[int]) -> list[Record]:
        """Return the generated records with these numbers."""
        return [self.generate(catalog, number) for number in numbers]

    def generate(self, catalog: Catalog, number: int) -> Record:
        """Return a generated record, made from its template if it has one."""
        collection = self.collection
        if not collection.id_formats:
            return collection.make(catalog, number)
        templates = catalog.record_templates.get(self.id)
        template = templates.get(number % catalog.period) if templates else None
        record = (template or self._make_template(catalog, number % catalog.period)).copy()
        # `_make_template` has checked that there are as many numbers as formats.
        for name, value in zip(collection.id_formats, collection.id_numbers(catalog, number)):  # noqa: B905
            id_format = record[name]
            record[name] = id_format % value if id_format else value
        return record

    def template(self, catalog: Catalog, number: int) -> Template:
        """Return the template of a generated record. The collection must have `id_formats`."""
        number %= catalog.period
        templates = catalog.record_templates.get(self.id)
        return (templates and templates.get(number)) or self._make_template(catalog, number)

    def first_period(self, catalog: Catalog) -> list[Record]:
        """Return the templates of all generated records, or the records themselves if they do not repeat."""
        count = self.collection.count(catalog)
        if not self.collection.id_formats:
            return self.generate_many(catalog, range(count))
        return [self.template(catalog, number) for number in range(min(catalog.period, count))]

    def has_first_period(self, catalog: Catalog) -> bool:
        """Return True if all templates have been made, so that `first_period` is fast."""
        return bool(self.collection.id_formats) and len(self._templates(catalog)) >= min(
            catalog.period, self.collection.count(catalog)
        )

    def _templates(self, catalog: Catalog) -> dict[int, Template]:
        """Return the templates made so far, by number."""
        templates: dict[int, Template] = catalog.record_templates.setdefault(self.id, {})
        return templates

    def _make_template(self, catalog: Catalog, number: int) -> Template:
        collection = self.collection
        template, values = dict(collection.make(catalog, number)), collection.id_numbers(catalog, number)
        for (name, suffix), value in zip(collection.id_formats.items(), values, strict=True):
            template[name] = _format_of(template[name], suffix, value)
        self._templates(catalog)[number] = template
        return template


def _format_of(id_value: Any, suffix: str, number: int) -> str | None:
    """Return the id as a %-format for its number, or None if the id is the number itself.

    Raise ValueError if the id does not end with the number in the format `suffix`.
    """
    if id_value == number:
        return None
    if not str(id_value).endswith(suffix % number):
        raise ValueError(
            f"the id {id_value!r} does not end with {suffix % number}: correct id_formats or id_numbers"
        )
    return str(id_value).removesuffix(suffix % number).replace("%", "%%") + suffix


class Page(Sequence[Record]):
    """Consecutive generated records. Each is made when it is accessed, so records never read cost nothing."""

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
        number = self.numbers[position]
        if isinstance(number, range):
            return Page(self.base, self.catalog, number)
        return self.base.generate(self.catalog, number)
