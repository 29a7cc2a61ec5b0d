"""Agreement: whether the vendors of a sandbox show the same SKU, stock and price for the same product.

The records of all vendors are generated from one catalog, so only goods with a changed record can differ. The
cost therefore grows with the number of changed records, and not with the number of products.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import chain
from typing import Any

from mockserver.control.products.goods import ADDED, GENERATED, Good, Goods, Place
from mockserver.control.products.search import START, Search, parse_place, place_text
from mockserver.control.products.sku_matches import SkuMatches
from mockserver.data.store.base_records import Item
from mockserver.vendor_api.problem import Problem

PARTS = ("differing", "agreeing")  # of the list, in this order
DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")
Position = tuple[int, Place]  # in PARTS, and a place in the part


@dataclass(frozen=True)
class Cell:
    """A product at one vendor: its item in a record, and what the vendor shows of it, as numbers."""

    collection: str
    key: str
    item: str
    sku: str | None
    stock: Decimal | int | None
    prices: tuple[Decimal | int, ...]

    @classmethod
    def of(cls, collection: str, key: str, item: Item) -> "Cell":
        sku = item.shown_sku
        prices = dict.fromkeys(number for price in item.prices if (number := _number(price)) is not None)
        sku = None if sku is None else str(sku)
        return cls(collection, key, item.key, sku, _number(item.stock), tuple(prices))


@dataclass(frozen=True)
class Row:
    """A product across the vendors. `missing` are those that had it, and have deleted it."""

    good: Good
    cells: Mapping[str, Cell]
    missing: tuple[str, ...]

    @cached_property
    def differs(self) -> list[str]:
        """Return what the vendors do not agree about. A vendor is left out of what it does not show."""
        cells = self.cells.values()
        skus = {cell.sku for cell in cells} - {None}
        stocks = {cell.stock for cell in cells if cell.stock is not None}
        if min(stocks, default=0) < 0:
            stocks.discard(0)  # of a vendor that knows no stock below zero
        prices = {price for cell in cells for price in cell.prices}
        missing = ["missing"] if self.missing else []
        shown = (("sku", len(skus)), ("stock", len(stocks)), ("price", len(prices)))
        return missing + [name for name, values in shown if values > 1]


class Agreement:
    """The goods of one sandbox at one moment, each across the vendors."""

    def __init__(self, goods: Goods) -> None:
        self._goods = goods
        self._vendors = tuple(dict.fromkeys(shelf.vendor for shelf in goods.shelves))
        self._generating = {shelf.vendor for shelf in goods.shelves if shelf.is_generated}
        self._same_sku = SkuMatches(goods)

    def search(self, sku: str | None, text: str | None) -> Search:
        """Return a search among the goods."""
        return Search(self._goods, sku, text)

    def after(
        self, position: Position, search: Search, *, only_differing: bool
    ) -> Iterator[tuple[Position, Row]]:
        """Yield (position, row) for what is found after a position: first what differs, then the rest."""
        part, place = position
        if part == 0:
            differing = self.differing(search)
            yield from (((0, row.good.place), row) for row in differing if row.good.place > place)
            place = START
        if not only_differing:
            yield from (((1, row.good.place), row) for row in self._agreeing(search, place))

    def differing(self, search: Search) -> list[Row]:
        """Return all products that are found and differ, in order."""
        places = (row.good.place for row in self._differing)
        found = search.among({number for stage, number in places if stage == GENERATED})
        return [
            row
            for row in self._differing
            if (row.good.place[0] == GENERATED and row.good.place[1] in found) or search.accepts(row.good)
        ]

    def shown_by(self, vendor: str) -> list[str]:
        """Return what a vendor can show of a product: `sku`, `stock`, `price`."""
        cells = [Cell.of(*name) for name in self._goods.samples(vendor)]
        can_show = {
            "sku": any(cell.sku is not None for cell in cells),
            "stock": any(cell.stock is not None for cell in cells),
            "price": any(cell.prices for cell in cells),
        }
        return [part for part, shown in can_show.items() if shown]

    @cached_property
    def _differing(self) -> list[Row]:
        rows = map(self._row, self._candidates())
        return sorted((row for row in rows if row.differs), key=lambda row: row.good.place)

    def _candidates(self) -> Iterator[Good]:
        """Yield the goods that may differ."""
        goods = self._goods
        numbers = goods.touched_numbers() | self._same_sku.generated_numbers()
        others = self._unmoved(chain(goods.page(), goods.added(), goods.records()))
        return map(self._same_sku.whole, chain(goods.generated(sorted(numbers)), others))

    def _agreeing(self, search: Search, place: Place) -> Iterator[Row]:
        differing = {row.good.place for row in self._differing}
        for good in self._unmoved(search.after(place)):
            if good.place not in differing:
                yield self._row(self._same_sku.whole(good))

    def _unmoved(self, goods: Iterable[Good]) -> Iterator[Good]:
        return (good for good in goods if good.place not in self._same_sku.moved)

    def _row(self, good: Good) -> Row:
        names, had = good.names, self._generating if good.place[0] in (GENERATED, ADDED) else ()
        cells = {vendor: Cell.of(*names[vendor]) for vendor in self._vendors if vendor in names}
        missing = tuple(vendor for vendor in self._vendors if vendor in had and vendor not in names)
        return Row(good, cells, missing)


def position_text(position: Position) -> str:
    part, place = position
    return f"{PARTS[part]}-{place_text(place)}"


def parse_position(text: str) -> Position:
    """Return the position that `next` has named. Raise Problem if it cannot have been in `next`."""
    part, _, place = text.partition("-")
    if part not in PARTS:
        raise Problem("invalid", f"query.after: {text[:50]!r} is not the `next` of an answer")
    return PARTS.index(part), parse_place(place)


def _number(value: Any) -> Decimal | int | None:
    """Return a number, or a decimal text as a number, or None for anything else."""
    if isinstance(value, str):
        return Decimal(value) if DECIMAL.fullmatch(value) else None
    if isinstance(value, float):
        return _number(str(value))
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    return value if type(value) is int else None
