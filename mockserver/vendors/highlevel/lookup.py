"""Related records: products, their prices, and the inventory items of these prices.

An inventory item and a price with the same `_id` are two halves of one thing. The item has its name, SKU and
stock, and when it was last changed; the price has its amount and what else only the price operations show.

An inventory item has the name and the image of its product, because the inventory list is written without
reading products. They are one fact: where one of the records changes, the others follow.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from mockserver.vendor_api import Call, Catalog, Edit, Problem, Record, Records

IN_ITEM = {"productName": "name", "image": "image"}  # fields of an item, and of its product


class Source(Protocol):
    """A holder of records: a call, or an edit by the control API."""

    def records(self, collection: str) -> Records: ...
    @property
    def catalog(self) -> Catalog: ...


def find_product(call: Call) -> Record:
    """Return the product in the path of a call. Raise Problem if there is none."""
    product = call.records("products").get(call.path["productId"])
    if product is None:
        raise Problem("not_found", "Product not found")
    return product


def find_price(call: Call) -> tuple[Record, Record]:
    """Return (inventory item, price) for the path of a call.

    Raise Problem if there is no such product, or if it has no such price.
    """
    product, price_id = find_product(call), call.path["priceId"]
    item, price = call.records("inventory").get(price_id), call.records("prices").get(price_id)
    if item is None or price is None or item["product"] != product["_id"]:
        raise Problem("not_found", "Price not found")
    return item, price


def items_of(source: Source, product: Record) -> Sequence[Record]:
    """Return the inventory items of a product: first those it began with, then those that were added."""
    product_id: str = product["_id"]
    number = source.catalog.product_with_object_id(product_id)
    variants = () if number is None else source.catalog.product(number).variants
    generated = sum(1 << variant.number for variant in variants)
    return source.records("inventory").among(generated, lambda item: item["product"] == product_id)


def prices_of(call: Call, product: Record) -> Iterator[tuple[Record, Record]]:
    """Yield (inventory item, price) for each price of a product."""
    prices = call.records("prices")
    for item in items_of(call, product):
        if (price := prices.get(item["_id"])) is not None:
            yield item, price


def rename_items(source: Source, product: Record) -> None:
    """Give the inventory items of a product its name and image."""
    items = source.records("inventory")
    for item in list(items_of(source, product)):
        renamed = _named_after(item, product)
        if renamed != item:
            items.put(renamed)


def _named_after(item: Record, product: Record) -> dict[str, Any]:
    """Return an inventory item with the name and image of a product."""
    shown = {name: product[field] for name, field in IN_ITEM.items() if field in product}
    return {name: value for name, value in item.items() if name in shown or name not in IN_ITEM} | shown


def product_was_put(edit: Edit) -> None:
    """Let the inventory items follow their product."""
    rename_items(edit, edit.record)


def item_was_put(edit: Edit) -> None:
    """Let the product, and its other items, follow an item with another name or image of its product.

    An item that is new, or now belongs to another product, follows its product.
    """
    item, before, products = edit.record, edit.before, edit.records("products")
    product = products.get(item["product"])
    if product is None:
        return
    if before is not None and before["product"] == item["product"]:
        changed = {
            field: item[name]
            for name, field in IN_ITEM.items()
            if name in item and item[name] != before.get(name)
        }
        if changed:
            product = {**product, **changed}
            products.put(product)
    rename_items(edit, product)
