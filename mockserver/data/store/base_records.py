"""Collections and their original records: records from the fixture file, then generated records.

The products of the catalog repeat after a period, except for their ids. So each record of the first period is
kept as a template. Any generated record is a copy of a template with its own ids filled in.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from operator import attrgetter
from typing import Any, Literal

from mockserver.data.catalog.products import Catalog

Record = Mapping[str, Any]
# A record in which each id field holds the %-format of the id, or None if the id is simply a number.
Template = dict[str, Any]
Locate = Callable[[Catalog, str], int | None]


@dataclass(frozen=True)
class Item:
    """One sellable item in a record, as a vendor shows it.

    `key` identifies it in the record. `ids` holds the fields by which clients know it, such as `sku`, with
    the vendor's names for them. `path` is the path and query of a GET request that reads it. `name` is its
    name, if the vendor shows one.

    `stock` is the quantity that the vendor shows, summed over its locations, or None if it shows none.
    `prices` are the prices that it shows, as numbers or decimal texts: none, one, or several if they differ
    by location. The control API compares both between vendors, so a generated record must show the stock of
    its variant (or 0 if that is below zero) and the price with tax, or leave them out.

    `sku` is its SKU, if `ids` have none because the call in `path` does not show it.
    """

    key: str
    ids: Mapping[str, Any]
    path: str
    name: str | None = None
    stock: Decimal | int | None = None
    prices: tuple[Any, ...] = ()
    sku: str | None = None

    @property
    def shown_sku(self) -> Any:
        """The SKU that the vendor shows by any of its calls, or None."""
        return self.ids.get("sku", self.sku)


@dataclass(frozen=True)
class ItemDetails:
    """Where a vendor keeps what else it shows of an item, such as its price.

    `collection` has one record for each variant. Its key is the item's. `add(item, record)` returns the item
    with what the record shows of it.
    """

    collection: str
    add: Callable[[Item, Record], Item]


@dataclass(frozen=True)
class Collection:
    """One kind of record at a vendor: how its records are named, generated and found.

    A collection has three parts, in this order: the records from the vendor's fixture file, `count` generated
    records (numbered from 0), and the records that clients add. A collection without generated records needs
    only `name` and `key`.

    `name`: the name of the collection in the fixture file, in the spec (`x-collections`), in `Call.records`
    and in the control API.

    `key`: the field that identifies a record, such as `"id"`. Values are compared as strings. Every record
    must have this field.

    `count(catalog)`: return the number of generated records, for instance `catalog.variant_count` for one
    record per variant. Default: 0.

    `make(catalog, n)`: return generated record `n` as a dict. The result must depend only on the arguments.
    Required if there is a `count`.

    `locate(catalog, key)`: return the number `n` of the generated record with this key. The key is a string.
    Return None if no generated record can have this key. The result may be out of range. Required if there
    is a `count`.

    `aliases`: other fields by which `Records.find` can find a record, such as `"sku"`. Each field has a
    function like `locate`, but its argument is a value of the field, not a key. The name of an alias must be
    an attribute of `Variant`: the control API compares this attribute to detect duplicate products. In a
    record, an alias may be missing or None.

    `shared`: those of the aliases that several records may have in common. `Records.find_all` finds them all.
    Of the other aliases, the control API refuses a value that another record has.

    `items(record)`: return the sellable items in a record, those of one product in the order of its variants.
    The control API lists them as products. Default: the collection shows no products.

    `item_details`: another collection with the rest of what the vendor shows of these items. Default: none.

    `rank(record)`: return an int. `Ranked` lists the records in ascending order of it. It must repeat with
    the records, after `period`. Default: all records have the same rank.

    The remaining fields are optional. They only make large collections faster. They declare that the records
    repeat after a period, except for their ids, as the catalog does. Set them only if `count` is
    `catalog.variant_count`, or `catalog.product_count` together with `period`.

    `period(catalog)`: return the number of records after which they repeat: `catalog.product_period` for one
    record per product. Default: `catalog.period`, for one record per variant.

    `id_formats`: the fields with ids, in the same order as in the record. An id ends with a number. Each
    field is mapped to the %-format of this number, such as `"%06x"`. If an id is an int, the format is
    ignored.

    `id_numbers(catalog, n)`: return the numbers in the ids of record `n`, in the order of `id_formats`.

    `id_search`: functions that find part of an id, by the name of the id field. `Records.where` calls them
    for `id_contains`. Their arguments are the catalog and a lower-case string. They return a bit set: bit `n`
    is 1 if the id of generated record `n` contains the string, ignoring case.
    """

    name: str
    key: str
    count: Callable[[Catalog], int] = lambda catalog: 0
    make: Callable[[Catalog, int], Record] = lambda catalog, n: {}
    locate: Locate = lambda catalog, key: None
    aliases: Mapping[str, Locate] = field(default_factory=dict)
    shared: tuple[str, ...] = ()
    items: Callable[[Record], Iterable[Item]] | None = None
    item_details: ItemDetails | None = None
    period: Callable[[Catalog], int] = attrgetter("period")
    rank: Callable[[Record], int] = lambda record: 0
    id_formats: Mapping[str, str] = field(default_factory=dict)
    id_numbers: Callable[[Catalog, int], tuple[int, ...]] = lambda catalog, n: ()
    id_search: Mapping[str, Callable[[Catalog, str], int]] = field(default_factory=dict)


@dataclass(frozen=True)
class _TwoVariants:
    """A catalog that only counts, to learn what a collection has one record for."""

    variant_count: int = 2
    product_count: int = 1
    location_count: int = 0


@dataclass(frozen=True)
class BaseRecords:
    """A vendor's collection with the records that it starts with. Use `of` to make one.

    `fixtures` holds the records from the fixture file. `fixture_indexes` finds them by key or alias: it maps
    (field name, value) to an index in `fixtures`. `id` is (vendor name, collection name).
    """

    vendor: str
    collection: Collection
    fixtures: tuple[Record, ...]
    fixture_indexes: Mapping[tuple[str, str], int]
    id: tuple[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", (self.vendor, self.collection.name))

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
    def made_per(self) -> Literal["variant", "product"] | None:
        """Return the thing for which the collection has a generated record, or None if it is another."""
        per_product = self.collection.count(_TwoVariants())  # type: ignore[arg-type]
        return {2: "variant", 1: "product"}.get(per_product)  # type: ignore[return-value]

    def items(self, record: Record) -> list[Item]:
        """Return the items in a record, without what `item_details` adds."""
        return list(self.collection.items(record)) if self.collection.items else []

    def whole(self, item: Item, details: Callable[[str], Record | None]) -> Item:
        """Return an item with its details. `details` returns the record that has them, by the item's key."""
        if self.collection.item_details is None:
            return item
        more = details(item.key)
        return item if more is None else self.collection.item_details.add(item, more)

    def generate_many(self, catalog: Catalog, numbers: Iterable[int]) -> list[Record]:
        """Return the generated records with these numbers."""
        return [self.generate(catalog, number) for number in numbers]

    def generate(self, catalog: Catalog, number: int) -> Record:
        """Return a generated record, made from its template if it has one."""
        collection = self.collection
        if not collection.id_formats:
            return collection.make(catalog, number)
        templates, in_period = catalog.record_templates.get(self.id), number % collection.period(catalog)
        template = templates.get(in_period) if templates else None
        record = (template or self._make_template(catalog, in_period)).copy()
        # `_make_template` has checked that there are as many numbers as formats.
        for name, value in zip(collection.id_formats, collection.id_numbers(catalog, number)):  # noqa: B905
            id_format = record[name]
            record[name] = id_format % value if id_format else value
        return record

    def template(self, catalog: Catalog, number: int) -> Template:
        """Return the template for a generated record. The collection must have `id_formats`."""
        number %= self.collection.period(catalog)
        templates = catalog.record_templates.get(self.id)
        return (templates and templates.get(number)) or self._make_template(catalog, number)

    def first_period(self, catalog: Catalog) -> list[Record]:
        """Return the templates for all generated records, or all these records if they do not repeat."""
        count = self.collection.count(catalog)
        if not self.collection.id_formats:
            return self.generate_many(catalog, range(count))
        return [
            self.template(catalog, number) for number in range(min(self.collection.period(catalog), count))
        ]

    def has_first_period(self, catalog: Catalog) -> bool:
        """Return True if all templates have been made, so that `first_period` is fast."""
        return bool(self.collection.id_formats) and len(self._templates(catalog)) >= min(
            self.collection.period(catalog), self.collection.count(catalog)
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
    """Return the %-format that turns the number into the id, or None if the id is the number itself.

    `suffix` is the %-format of the number. Raise ValueError if the id does not end with the formatted number.
    """
    if id_value == number:
        return None
    if not str(id_value).endswith(suffix % number):
        raise ValueError(
            f"the id {id_value!r} does not end with {suffix % number}; change id_formats or id_numbers"
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
