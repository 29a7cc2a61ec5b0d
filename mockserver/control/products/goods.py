"""The goods of a sandbox: each sellable item, with what it is called at each vendor.

They come in four stages: the items of the vendors' own pages, the generated ones, those that the control API
has added at all vendors, and records that were added at one vendor. The first and the last kind are at one
vendor only.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from mockserver.contract.contract import Contract
from mockserver.data.store.base_records import BaseRecords, Item, Record
from mockserver.data.store.state import Draft
from mockserver.data.store.view import RecordsView
from mockserver.sandbox.sandbox import Sandbox

STAGES = ("page", "generated", "added", "record")
GENERATED, ADDED = 1, 2  # in STAGES
Place = tuple[int, int]  # a stage, and the number of an item in it
Name = tuple[str, str, Item]  # a collection, the key of a record in it, and an item of the record


@dataclass(frozen=True)
class Good:
    """One sellable item. `names` maps each vendor that has it to what it is there."""

    place: Place
    sku: str | None
    name: str | None
    ean: str | None
    names: Mapping[str, Name]


class Shelf:
    """A collection that shows sellable items, as a sandbox has it now."""

    def __init__(self, base: BaseRecords, records: RecordsView, details: RecordsView | None) -> None:
        self.base, self.records, self.details = base, records, details
        self.vendor, self.collection = base.id
        self.is_generated, self.by_product = base.made_per is not None, base.made_per == "product"

    def key_of(self, record: Record) -> str:
        return str(record[self.base.collection.key])

    def items(self, record: Record) -> list[Item]:
        return [*map(self._whole, self.base.items(record))]

    def _whole(self, item: Item) -> Item:
        return self.base.whole(item, self.details.get) if self.details else item

    def now(self, original: Record, index: int) -> Name | None:
        """Return collection, key and item for the item with an index in an original record, or None.

        If the record has changed, it is the item with the same key, if it is still there.
        """
        key, item = self.key_of(original), self.base.items(original)[index]
        current = self.records.changed(key, original)
        if current is original:
            return self.collection, key, self._whole(item)
        left = self.base.items(current) if current else []
        return next(((self.collection, key, self._whole(one)) for one in left if one.key == item.key), None)


def _shelves(contract: Contract, draft: Draft) -> Iterator[Shelf]:
    """Yield the collections of a vendor that show sellable items."""
    views = {name: RecordsView(base, draft) for name, base in contract.base_records.items()}
    for name, base in contract.base_records.items():
        if base.collection.items:
            details = base.collection.item_details
            yield Shelf(base, views[name], views[details.collection] if details else None)


class Goods:
    """The goods of one sandbox at one moment. They are found without making all of them."""

    def __init__(self, sandbox: Sandbox, contracts: Mapping[str, Contract]) -> None:
        draft = sandbox.draft()
        self.catalog, self.state = sandbox.catalog, draft.state
        self.shelves = [shelf for contract in contracts.values() for shelf in _shelves(contract, draft)]

    def page(self) -> Iterator[Good]:
        """Yield the items of the vendors' own pages."""
        originals = (
            (shelf, record, index)
            for shelf in self.shelves
            for record in shelf.base.fixtures
            for index in range(len(shelf.base.items(record)))
        )
        for number, (shelf, record, index) in enumerate(originals):
            if found := shelf.now(record, index):
                yield _good((0, number), {shelf.vendor: found})

    def generated(self, numbers: Iterable[int]) -> Iterator[Good]:
        """Yield the generated items with these numbers, as far as a vendor still has them."""
        for number in numbers:
            product, variant = self.catalog.variant(number)
            found = ((shelf.vendor, self._generated_at(shelf, number)) for shelf in self.shelves)
            names = {vendor: name for vendor, name in found if name}
            if names:
                yield Good((1, number), variant.sku, product.title(variant), variant.ean, names)

    def _generated_at(self, shelf: Shelf, number: int) -> Name | None:
        """Return what the generated item with a number is in a collection, or None if it is not there."""
        product, _ = self.catalog.variant(number)
        original = shelf.base.generate(self.catalog, product.number if shelf.by_product else number)
        return shelf.now(original, number - product.variants[0].number if shelf.by_product else 0)

    def added(self, first: int = 0) -> Iterator[Good]:
        """Yield the items that the control API has added at all vendors, from a number on."""
        for number in sorted(number for number in self._added if number >= first):
            yield _good((2, number), self._added[number])

    def records(self) -> Iterator[Good]:
        """Yield the items of records that were added at one vendor."""
        number = 0
        for shelf in self.shelves:
            for record in shelf.records.added():
                key = shelf.key_of(record)
                for item in shelf.items(record):
                    if (shelf.vendor, key) not in self._added_numbers:
                        yield _good((3, number), {shelf.vendor: (shelf.collection, key, item)})
                    number += 1

    @cached_property
    def _added(self) -> Mapping[int, Mapping[str, Name]]:
        """The names of each item that the control API has added, by the number of the item."""
        found: dict[int, dict[str, Name]] = {}
        for shelf in self.shelves:
            for record in shelf.records.added():
                key, items = shelf.key_of(record), shelf.items(record)
                number = self._added_numbers.get((shelf.vendor, key))
                if number is not None and items:
                    found.setdefault(number, {})[shelf.vendor] = (shelf.collection, key, items[0])
        return found

    @cached_property
    def _added_numbers(self) -> Mapping[tuple[str, str], int]:
        """The number of the item in each record that the control API has added, by vendor and key.

        At most vendors the number can be read from the key. Only for numbers that are found in this way, the
        keys at the other vendors are made: to make the keys for all numbers could take minutes.
        """
        keys = {shelf: [shelf.key_of(record) for record in shelf.records.added()] for shelf in self.shelves}
        read = {
            (shelf.vendor, key): number
            for shelf in self.shelves
            for key in keys[shelf]
            if (number := self._number_in(shelf, key)) is not None
        }
        numbers = sorted({*read.values()})
        made = {
            (shelf.vendor, self._added_key(shelf, number)): number
            for shelf in self.shelves
            if any((shelf.vendor, key) not in read for key in keys[shelf])
            for number in numbers
        }
        return made | read

    def _number_in(self, shelf: Shelf, key: str) -> int | None:
        """Return the number of the added item that has this key, or None if the key does not tell it."""
        located = shelf.base.collection.locate(self.catalog, key)
        number = -1 if located is None else located - shelf.base.collection.count(self.catalog)
        return number if 0 <= number < self.state.products_made else None

    def _added_key(self, shelf: Shelf, number: int) -> str:
        """Return the key of a record that the control API has added. It follows from the item's number."""
        return shelf.key_of(self._sample(shelf.base, number))

    def _sample(self, base: BaseRecords, number: int) -> Record:
        """Return the record of a product that the control API could add under a number."""
        stock = ((self.catalog.locations()[0], 1),)
        catalog = self.catalog.single_product(number, "-", "-", stock=stock, price=Decimal("1.00"))
        return base.collection.make(catalog, base.collection.count(catalog) - 1)

    def samples(self, vendor: str) -> Iterator[Name]:
        """Yield items that have all that a vendor can show of an item."""
        for shelf in self.shelves:
            if shelf.vendor == vendor:
                for item in self._sample_items(shelf):
                    yield shelf.collection, item.key, item

    def _sample_items(self, shelf: Shelf) -> Iterator[Item]:
        if shelf.is_generated:
            details = self._sample(shelf.details.base, 0) if shelf.details else None
            items = shelf.base.items(self._sample(shelf.base, 0))
            yield from (shelf.base.whole(item, lambda key: details) for item in items)
        else:
            for record in shelf.base.fixtures:
                yield from shelf.items(record)

    def changed_numbers(self, accepts: Any) -> Iterator[int]:
        """Yield the numbers of the generated items that a vendor has changed to something acceptable."""
        for shelf in self.shelves:
            for number, record in shelf.records.changed_generated():
                original = shelf.base.generate(self.catalog, number)
                keys = [item.key for item in shelf.base.items(original)]
                for item in filter(accepts, shelf.items(record) if record else ()):
                    if item.key in keys:
                        yield self._variant(shelf, number, keys.index(item.key))
            for number in _numbers_of_details(shelf):
                if (found := self._generated_at(shelf, number)) and accepts(found[2]):
                    yield number

    def touched_numbers(self) -> set[int]:
        """Return the numbers of the generated items whose record a vendor has changed or deleted."""
        numbers: set[int] = set()
        for shelf in self.shelves:
            records = [number for number, _ in shelf.records.changed_generated()]
            if shelf.by_product:
                variants = (self.catalog.product(number).variants for number in records)
                numbers.update(variant.number for of_product in variants for variant in of_product)
            else:
                numbers.update(records)
            numbers.update(_numbers_of_details(shelf))
        return numbers

    def numbers_with_key(self, key: str) -> Iterator[int]:
        """Yield the numbers of the generated items whose record has this key at a vendor."""
        for shelf in self.shelves:
            number = shelf.base.collection.locate(self.catalog, key)
            if number is not None and 0 <= number < shelf.base.collection.count(self.catalog):
                original = shelf.base.generate(self.catalog, number)
                if shelf.key_of(original) == key:
                    yield from (
                        self._variant(shelf, number, one) for one in range(len(shelf.base.items(original)))
                    )

    def _variant(self, shelf: Shelf, number: int, index: int) -> int:
        """Return the number of the variant with an index in the generated record `number`."""
        return self.catalog.product(number).variants[index].number if shelf.by_product else number


def _numbers_of_details(shelf: Shelf) -> Iterator[int]:
    """Yield the numbers of the generated items whose details a vendor has changed or deleted."""
    if shelf.details:
        yield from (number for number, _ in shelf.details.changed_generated())


def _good(place: Place, names: Mapping[str, Name]) -> Good:
    """Return an item with the SKU, name and EAN that a vendor shows for it."""
    items = [item for _, _, item in names.values()]

    def first(values: Iterable[Any]) -> str | None:
        return next((str(value) for value in values if value), None)

    return Good(
        place,
        first(item.shown_sku for item in items),
        first(item.name for item in items),
        first(item.ids.get("ean") for item in items),
        names,
    )
