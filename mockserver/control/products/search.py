"""Search among the goods of a sandbox, and places to go on from."""

from collections.abc import Callable, Iterator
from functools import cached_property

from mockserver.control.products.goods import STAGES, Good, Goods, Place
from mockserver.data.catalog import bitset
from mockserver.data.store.base_records import Item
from mockserver.vendor_api.problem import Problem

START: Place = (0, -1)


class Search:
    """The goods with a certain SKU, or with a text in SKU, name or EAN, or with it as an id at a vendor."""

    def __init__(self, goods: Goods, sku: str | None, text: str | None) -> None:
        self._goods, self._sku, self._text = goods, sku, text.lower() if text else None

    def after(self, place: Place) -> Iterator[Good]:
        """Yield what is found after a place, in order."""
        stage, number = place
        goods = self._goods
        sources: tuple[Callable[[int], Iterator[Good]], ...] = (
            lambda first: filter(self.accepts, goods.page()),
            lambda first: goods.generated(self._generated_from(first)),
            lambda first: filter(self.accepts, goods.added(first)),
            lambda first: filter(self.accepts, goods.records()),
        )
        for at, source in enumerate(sources[stage:], stage):
            first = number + 1 if at == stage else 0
            yield from (good for good in source(first) if good.place[1] >= first)

    def among(self, numbers: set[int]) -> set[int]:
        """Return those of the numbers whose generated goods are found."""
        if self._found is None:
            return numbers
        size = self._goods.catalog.variant_count
        return set(bitset.Members(self._found & bitset.from_numbers(numbers, size)))

    def _generated_from(self, first: int) -> Iterator[int]:
        """Yield the numbers of the generated goods that are found, from a number on."""
        size = self._goods.catalog.variant_count
        if self._found is None:
            yield from range(first, size)
        else:
            yield from bitset.Members(self._found & ~bitset.below(min(first, size)))

    @cached_property
    def _found(self) -> int | None:
        """The numbers of the generated goods that are found, as a bit set, or None for all."""
        size = self._goods.catalog.variant_count
        if self._sku is None and self._text is None:
            return None
        found = bitset.below(size)
        if self._sku is not None:
            found &= bitset.from_numbers(self._with_sku(self._sku), size)
        if self._text is not None:
            found &= self._with_text(self._text)
        return found

    def _with_sku(self, sku: str) -> Iterator[int]:
        number = self._goods.catalog.variant_with_sku(sku)
        if number is not None:
            yield number
        yield from self._goods.changed_numbers(lambda item: item.shown_sku == sku)

    def _with_text(self, text: str) -> int:
        catalog = self._goods.catalog
        numbers = [*self._goods.numbers_with_key(text), *self._goods.changed_numbers(self._has_text)]
        if (number := catalog.variant_with_ean(text)) is not None:
            numbers.append(number)
        found = catalog.variants_with_sku_part(text) | catalog.variants_with_name_part(text)
        return found | bitset.from_numbers(numbers, catalog.variant_count)

    def accepts(self, good: Good) -> bool:
        """Return True if an item is found by what the vendors show of it."""
        items = [item for _, _, item in good.names.values()]
        return (self._sku is None or any(item.shown_sku == self._sku for item in items)) and (
            self._text is None or any(map(self._has_text, items))
        )

    def _has_text(self, item: Item) -> bool:
        text = self._text or ""
        in_words = text in str(item.shown_sku or "").lower() or text in (item.name or "").lower()
        return in_words or any(text == str(value).lower() for value in item.ids.values())


def place_text(place: Place) -> str:
    return f"{STAGES[place[0]]}-{place[1]}"


def parse_place(text: str) -> Place:
    """Return the place that `next` has named. Raise Problem if it cannot have been in `next`."""
    stage, _, number = text.partition("-")
    if stage not in STAGES or not (number.isascii() and number.isdecimal()) or len(number) > 15:
        raise Problem("invalid", f"query.after: {text[:50]!r} is not the `next` of an answer")
    return STAGES.index(stage), int(number)
