"""Checks the items in a vendor's generated records at start: all vendors must show the catalog's goods."""

from decimal import Decimal, InvalidOperation
from typing import Any

from mockserver.catalog.products import Catalog, Variant
from mockserver.store.base_records import BaseRecords, Item, Record


def wrong_items(base: BaseRecords, record: Record, catalog: Catalog, number: int) -> str:
    """Return a message if the items in generated record `number` cannot be used, otherwise an empty string.

    The control API takes an unchanged product for one that all vendors show alike, so each must show the
    catalog's stock and price, or none.
    """
    find, count = base.collection.items, base.collection.count(catalog)
    if find is None or count not in (catalog.variant_count, catalog.product_count):
        return ""
    by_variant = count == catalog.variant_count
    variants = (catalog.variant(number)[1],) if by_variant else catalog.product(number).variants
    items = list(find(record))
    if len(items) != len(variants):
        return f"items returns {len(items)} items, not {len(variants)}: return one for each variant"
    for item, variant in zip(items, variants, strict=True):
        if wrong := _wrong_item(item, variant):
            return f"items shows the {wrong}"
    return ""


def _wrong_item(item: Item, variant: Variant) -> str:
    if item.stock is not None and item.stock != variant.quantity:
        return f"stock {item.stock}, not {variant.quantity}: show the sum of all locations, or leave it out"
    for price in item.prices:
        if _number(price) != variant.price:
            return f"price {price}, not {variant.price}: show the price with tax, or leave it out"
    return ""


def _number(price: Any) -> Decimal | None:
    try:
        return Decimal(str(price))
    except InvalidOperation:
        return None
