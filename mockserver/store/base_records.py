"""Collections and their original records: records from the fixture file, then generated records.

The catalog repeats after its period, except for ids. Generated records are therefore copies of templates, one
for each record of the first period, with the ids filled in.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from mockserver.catalog.products import Catalog

Record = Mapping[str, Any]
# A record in which each id field holds the %-format of the id, or None if the id is simply a number.
Template = dict[str, Any]
Locate = Callable[[Catalog, str], int | None]


@dataclass(frozen=True)
class Collection:
    """One kind of record at a vendor: how its records are named, generated and found.

    A collection consists of the records under its name in the vendor's fixture file, then `count` generated
    records, numbered from 0, then the records that clients add. A collection without generated records needs
    only `name` and `key`.

    `name`: its name in the fixture file, in the spec (`x-collection`), in `Call.records` and in the control
    API.

    `key`: the field that identifies a record, such as `"id"`. Values are compared as strings. Every record
    must have this field.

    `count(catalog)`: return the number of generated records, for instance `catalog.variant_count` for one
    record per variant. Default: 0.

    `make(catalog, n)`: return generated record `n` as a dict, which may depend only on the arguments.
    Required if there is a `count`.

    `locate(catalog, key)`: return the `n` of the generated record with this key, a string. Return None if no
    generated record can have this key. The number may be out of range. Required if there is a `count`.

    `aliases`: other fields by which `Records.find` can find a record, such as `"sku"`. Each alias has a
    function like `locate`, which takes a value of that field instead of a key. An alias must be named after
    an attribute of `Variant`, because the control API uses it to detect duplicates when it creates a product.
    A record may lack an alias, or have the value None there.

    The remaining fields are optional, and only make large collections faster. They declare that the records
    repeat after a period, like the catalog, except for their id fields. Set them only if `count` is
    `catalog.variant_count`.

    `id_formats`: the id fields, which do not repeat, each with the %-format of the number at the end of its
    value, such as `"%06x"`. If the value is an int, it is the number itself, and the format is ignored. The
    fields must have the same order as in the record.

    `id_numbers(catalog, n)`: return the numbers in the ids of record `n`, in the order of `id_formats`.

    `id_search`: for each id field that clients can search for part of its value, a function that takes the
    catalog and a lower-case string. It returns a bit set of the generated records whose field contains the
    string, ignoring case (bit `n` for record `n`). `Records.where` needs this function for `id_contains`.
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
    """A vendor's collection with the records that it starts with. Use `of` to make one.

    `fixtures` holds the records from the fixture file. `fixture_indexes` maps (field name, value) to an index
    in `fixtures`, for the key and all aliases.
    """

    vendor: str
    collection: Collection
    fixtures: tuple[Record, ...]
    fixture_indexes: Mapping[tuple[str, str], int]

    @classmethod
    def of(cls, vendor: str, collection: Collection, fixtures: tuple[Record, ...]) -> "BaseRecords":
        """Return a collection with these fixtures. Raise KeyError if a fixture lacks the key field."""
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
        """Return (vendor name, collection name)."""
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
        """Return the template for a generated record. The collection must have `id_formats`."""
        number %= catalog.period
        templates = catalog.record_templates.get(self.id)
        return (templates and templates.get(number)) or self._make_template(catalog, number)

    def first_period(self, catalog: Catalog) -> list[Record]:
        """Return the templates for all generated records, or the records themselves if they do not repeat."""
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
    """Return the %-format that makes the id from its number, or None if the id is the number itself.

    Raise ValueError if the id does not end with the number, formatted with `suffix`.
    """
    if id_value == number:
        return None
    if not str(id_value).endswith(suffix % number):
        raise ValueError(
            f"the id {id_value!r} does not end with {suffix % number}: correct id_formats or id_numbers"
        )
    return str(id_value).removesuffix(suffix % number).replace("%", "%%") + suffix


class Page(Sequence[Record]):
    """A sequence of consecutive generated records. Each record is made only when it is accessed."""

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
