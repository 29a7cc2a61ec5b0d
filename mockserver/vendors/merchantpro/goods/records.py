"""MerchantPro's records: items with stock and prices, and products. Their ids.

Stock, prices, VAT rate, SKU, EAN and name of each sellable item are in the collection `inventory`. The
collection `products` has the rest. A basic product has the id of its one item. A product with variants has an
id of its own, and its items are the variants.

Ids never overlap, whatever the size of the catalog:

    10,001 …       the page's items, the generated ones, and those that the control API adds
    20,000,000 …   generated products with variants
    30,000,000 …   products with variants that clients add
    40,000,000 …   basic products that clients add
    100,000,000 …  variants that clients add: a hundred ids for each product with variants

The last range ends below the largest 32-bit number.
"""

import re
from typing import Any

from mockserver.vendor_api import Catalog, Item, Location, Record, Records, Variant, iso_timestamp
from mockserver.vendors.merchantpro.goods.items import total
from mockserver.vendors.merchantpro.goods.prices import kept_net

FIRST_ITEM = 10_004  # ids 10001 to 10003 are the examples on the vendor's page
FIRST_PARENT, FIRST_ADDED_PARENT, FIRST_ADDED_BASIC = 20_000_000, 30_000_000, 40_000_000
FIRST_ADDED_VARIANT, VARIANT_IDS = 100_000_000, 100
FIRST_CATEGORY = 101
SHOP = "https://shop.demo.ro"
BASIC, MULTI_VARIANT = "basic", "multi_variant"


def product_record(catalog: Catalog, number: int) -> Record:
    """Return what belongs to a generated product. It depends on the number only by its id and URL."""
    product, product_id = catalog.product(number), id_of(catalog, number)
    basic = product_id < FIRST_PARENT
    category = {"id": FIRST_CATEGORY + product.kind_number, "name": product.kind}
    return {
        "id": product_id,
        "url": url_of(product.name, product_id),
        "type": BASIC if basic else MULTI_VARIANT,
        "sku": None,
        "ext_ref": None,
        "name": None if basic else product.name,
        "description": product.description,
        "stock_reserved": 0,
        "allow_backorders": product.variants[0].backorder,
        "cost_net": None,
        "cost_gross": None,
        "quantity_multiplier": 1,
        "weight": product.variants[0].weight if basic else None,
        "category_id": category["id"],
        "categories": [category],
        "status": "active" if product.active else "inactive",
        "visibility": "visible",
        "images": [product.image],
        "date_created": iso_timestamp(product.created),
        "date_modified": iso_timestamp(product.updated),
    }


def url_of(name: str, product_id: int) -> str:
    """Return the address of a product in the shop."""
    slug = re.sub("[^a-z0-9]+", "-", name.lower())[:80].strip("-")
    return f"{SHOP}/{slug or 'product'}-{product_id}"


def product_id_numbers(catalog: Catalog, number: int) -> tuple[int, int]:
    product_id = id_of(catalog, number)
    return product_id, product_id


def id_of(catalog: Catalog, number: int) -> int:
    """Return the id of a generated product."""
    if _is_basic(catalog, number):
        return FIRST_ITEM + catalog.product(number).variants[0].number
    return FIRST_PARENT + number


def _is_basic(catalog: Catalog, number: int) -> bool:
    """Return True if a generated product has no variants to choose from.

    The size of a catalog may cut off variants of its last product. It still counts like the other products at
    its place in the period, because one template makes the records of all of them.
    """
    return len(catalog.product(number % catalog.product_period).variants) == 1


def locate_product(catalog: Catalog, key: str) -> int | None:
    """Return the number of the generated product with an id, or None."""
    if not (key.isascii() and key.isdecimal() and len(key) < 12 and key[0] != "0"):
        return None
    product_id = int(key)
    if product_id >= FIRST_PARENT:
        number = product_id - FIRST_PARENT
        return number if number < catalog.product_count and not _is_basic(catalog, number) else None
    variant = product_id - FIRST_ITEM
    if not 0 <= variant < catalog.variant_count:
        return None
    number = catalog.product_of(variant)
    return number if _is_basic(catalog, number) else None


def product_id_of_item(catalog: Catalog, item_id: int) -> int:
    """Return the id of the product that an item belongs to."""
    if item_id >= FIRST_ADDED_VARIANT:
        return FIRST_PARENT + (item_id - FIRST_ADDED_VARIANT) // VARIANT_IDS
    variant = item_id - FIRST_ITEM
    if 0 <= variant < catalog.variant_count:
        return id_of(catalog, catalog.product_of(variant))
    return item_id


def variants_of(catalog: Catalog, product: Record) -> list[Record]:
    """Return what belongs to each variant of a product, apart from its item. A basic product has none.

    Products whose variants nobody has changed have those of the catalog.
    """
    if product["type"] == BASIC or "variants" in product:
        return list(product.get("variants", ()))
    number = locate_product(catalog, str(product["id"]))
    return [] if number is None else [_variant(one) for one in catalog.product(number).variants]


def _variant(variant: Variant) -> Record:
    options = (("Size", variant.size_name), ("Color", variant.color))
    return {
        "id": FIRST_ITEM + variant.number,
        "ext_ref": None,
        "weight": variant.weight,
        "variant_options": [{"attribute": name, "value": value} for name, value in options],
    }


def item_ids(catalog: Catalog, product: Record) -> list[int]:
    """Return the ids of the items of a product."""
    if product["type"] == BASIC:
        return [product["id"]]
    return [variant["id"] for variant in variants_of(catalog, product)]


def new_product_id(products: Records, items: Records, kind: str) -> int:
    """Return an id for a product that a client adds."""
    first = (
        FIRST_ADDED_BASIC + items.next_added if kind == BASIC else FIRST_ADDED_PARENT + products.next_added
    )
    while products.get(str(first)) is not None or items.get(str(first)) is not None:
        first += 1
    return first


def new_variant_id(product_id: int, items: Records) -> int | None:
    """Return an id for a variant that a client adds to a product, or None if it has no room for another."""
    first = FIRST_ADDED_VARIANT + (product_id - FIRST_PARENT) * VARIANT_IDS
    free = (one for one in range(first, first + VARIANT_IDS) if items.get(str(one)) is None)
    return next(free, None)


def added_product(product_id: int, kind: str, name: str, now: str) -> dict[str, Any]:
    """Return a new product with the values of all fields that a client has not given."""
    return {
        "id": product_id,
        "url": url_of(name, product_id),
        "type": kind,
        "sku": None,
        "ext_ref": None,
        "name": None,
        "description": "",
        "stock_reserved": 0,
        "allow_backorders": False,
        "cost_net": None,
        "cost_gross": None,
        "quantity_multiplier": 1,
        "weight": None,
        "category_id": None,
        "categories": [],
        "status": "active",
        "visibility": "visible",
        "images": [],
        "date_created": now,
        "date_modified": now,
        **({"variants": []} if kind == MULTI_VARIANT else {}),
    }


def inventory_record(catalog: Catalog, number: int) -> Record:
    """Return a variant as a record. It has warehouses if there is stock at more than one location."""
    product, variant = catalog.variant(number)
    record = {
        "id": FIRST_ITEM + number,
        "sku": variant.sku,
        "ean": variant.ean,
        "name": product.title(variant),
        "inventory_enabled": "on" if variant.tracked else "off",
        "stock": variant.quantity,
        "price_net": kept_net(variant.price / (1 + product.vat)),
        "price_gross": variant.price,
        "vat": product.vat,
    }
    if len(variant.stock) > 1:
        record["warehouses"] = [_warehouse(location, quantity) for location, quantity in variant.stock]
    return record


def items(record: Record) -> list[Item]:
    ids = {name: record[name] for name in ("id", "sku", "ean") if record.get(name)}
    path, stock = f"/api/v2/inventory/id/{record['id']}", None
    if record["inventory_enabled"] == "on":
        stock = total(record["warehouses"]) if record.get("warehouses") else record["stock"]
    return [Item(str(record["id"]), ids, path, record.get("name"), stock, (record["price_gross"],))]


def id_numbers(catalog: Catalog, number: int) -> tuple[int, int, int]:
    return FIRST_ITEM + number, number + 1, catalog.ean_number(number)


def _warehouse(location: Location, quantity: int) -> Record:
    return {"id": location.number, "name": location.name, "stock": quantity}
