"""Records that are at one vendor only, matched with the product that has the same SKU."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain

from mockserver.control.products.goods import GENERATED, Good, Goods, Name, Place


class SkuMatches:
    """The records of the vendors' pages, and those that were added at one vendor, if they show a SKU.

    Each is matched with the first product of this SKU that its vendor does not have: a generated product, one
    that the control API has added, or another such record. `moved` are the places of the goods whose record
    has been matched: they are no products of their own.
    """

    def __init__(self, goods: Goods) -> None:
        self._goods = goods
        self._more: dict[Place, dict[str, Name]] = {}
        self.moved: set[Place] = set()
        added = {good.sku: good for good in goods.added()}
        known: dict[str, list[Good]] = {}
        tried: dict[tuple[str, str], int] = {}  # by SKU and vendor: how many products the vendor has
        for good in chain(goods.page(), goods.records()):
            if (sku := good.sku) is None:
                continue
            products = known.setdefault(sku, [*self._with_sku(sku, added)])
            (vendor,) = good.names
            index = tried.get((sku, vendor), 0)
            while index < len(products) and vendor in self.whole(products[index]).names:
                index += 1
            if index < len(products):
                self._more.setdefault(products[index].place, {}).update(good.names)
                self.moved.add(good.place)
            else:
                products.append(good)
            tried[sku, vendor] = index + 1

    def whole(self, good: Good) -> Good:
        """Return a product with the records that are matched with it."""
        more = self._more.get(good.place)
        return replace(good, names={**good.names, **more}) if more else good

    def generated_numbers(self) -> set[int]:
        """Return the numbers of the generated goods with which a record is matched."""
        return {number for stage, number in self._more if stage == GENERATED}

    def _with_sku(self, sku: str, added: Mapping[str | None, Good]) -> Iterator[Good]:
        """Yield the generated product and the added one that have this SKU."""
        number = self._goods.catalog.variant_with_sku(sku)
        if number is not None:
            yield from self._goods.generated([number])
        if sku in added:
            yield added[sku]
