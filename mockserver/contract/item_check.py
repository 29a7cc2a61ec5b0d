"""Checks the items in a vendor's generated records at start: all vendors must show the catalog's goods."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from mockserver.data.catalog.products import Catalog, Variant
from mockserver.data.store.base_records import BaseRecords, Item, ItemDetails, Record


def wrong_items(
    base: BaseRecords, others: Mapping[str, BaseRecords], record: Record, catalog: Catalog, number: int
) -> str:
    """Return a message if the items in generated record `number` cannot be used, otherwise an empty string.

    `others` are the vendor's collections by name.

    The control API takes an unchanged product for one that all vendors show alike, so each must show the
    catalog's stock and price, or none. A vendor that knows no stock below zero shows 0.
    """
    count, details = base.collection.count(catalog), base.collection.item_details
    if base.collection.items is None or count not in (catalog.variant_count, catalog.product_count):
        return ""
    by_variant = count == catalog.variant_count
    variants = (catalog.variant(number)[1],) if by_variant else catalog.product(number).variants
    if details and (details.collection not in others or others[details.collection].made_per != "variant"):
        return f"item_details are in {details.collection}: use a collection with a record for each variant"
    found = base.items(record)
    items = [base.whole(item, lambda key: _generated(others, details, catalog, key)) for item in found]
    if len(items) != len(variants):
        return f"items returns {len(items)} items, not {len(variants)}: return one for each variant"
    for item, variant in zip(items, variants, strict=True):
        if wrong := _wrong_item(item, variant):
            return f"items shows the {wrong}"
    return ""


def _generated(
    others: Mapping[str, BaseRecords], details: ItemDetails | None, catalog: Catalog, key: str
) -> Record | None:
    """Return the generated record with the details of the item with this key, or None."""
    assert details is not None  # only then `BaseRecords.items` asks for them
    base = others[details.collection]
    number = base.collection.locate(catalog, key)
    known = number is not None and 0 <= number < base.collection.count(catalog)
    return base.generate(catalog, number) if known and number is not None else None


def _wrong_item(item: Item, variant: Variant) -> str:
    if item.stock not in (None, variant.quantity, max(variant.quantity, 0)):
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
