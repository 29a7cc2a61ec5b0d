"""The generated records of HighLevel: inventory items, their prices, and products."""

from dataclasses import replace
from urllib.parse import urlencode

from mockserver.vendor_api import Catalog, Item, Record, iso_timestamp
from mockserver.vendors.highlevel.account import LOCATION
from mockserver.vendors.highlevel.values import number


def inventory_record(catalog: Catalog, number: int) -> Record:
    """Return a variant as an inventory item. Its `_id` is also the id of its price."""
    product, variant = catalog.variant(number)
    return {
        "_id": variant.object_id,
        "name": product.short_title(variant),
        "availableQuantity": variant.quantity,
        "sku": variant.sku,
        "allowOutOfStockPurchases": variant.backorder,
        "product": product.object_id,
        "updatedAt": iso_timestamp(product.updated),
        "image": product.image,
        "productName": product.name,
    }


def items(record: Record) -> list[Item]:
    ids = {name: record[name] for name in ("_id", "sku", "product") if record.get(name)}
    query = urlencode(
        {"altId": LOCATION, "altType": "location", "search": record.get("sku") or record["name"]}
    )
    path, stock = f"/products/inventory?{query}", record["availableQuantity"]
    return [Item(record["_id"], ids, path, record["name"], stock)]


def with_price(item: Item, price: Record) -> Item:
    """Return an item with its price, which only the operations on prices show."""
    return replace(item, prices=(price["amount"],))


def id_numbers(catalog: Catalog, number: int) -> tuple[int, int, int]:
    return number, number + 1, catalog.product_of(number)


def price_record(catalog: Catalog, number_of_variant: int) -> Record:
    """Return what only the price operations show of a variant."""
    product, variant = catalog.variant(number_of_variant)
    return {
        "_id": variant.object_id,
        "type": "one_time",
        "currency": "USD",
        "amount": number(variant.price),
        "trackInventory": variant.tracked,
        "createdAt": iso_timestamp(product.created),
    }


def product_record(catalog: Catalog, number: int) -> Record:
    """Return a product of the catalog."""
    product = catalog.product(number)
    return {
        "_id": product.object_id,
        "description": product.description,
        "name": product.name,
        "productType": "PHYSICAL",
        "availableInStore": product.active,
        "createdAt": iso_timestamp(product.created),
        "updatedAt": iso_timestamp(product.updated),
        "image": product.image,
        "isTaxesEnabled": False,
    }
