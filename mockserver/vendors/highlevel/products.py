"""The products of a location: listed, read, created, changed and deleted."""

from collections.abc import Sequence
from functools import partial
from operator import itemgetter
from typing import Any

from mockserver.vendor_api import Answer, Call, Record, iso_timestamp
from mockserver.vendors.highlevel.access import check_location
from mockserver.vendors.highlevel.lookup import find_product, items_of, rename_items
from mockserver.vendors.highlevel.values import given, pick

LONG_PAGE = 500  # products; a longer page is handled in a thread
# In the order of the official description.
SHOWN = (
    "_id", "description", "variants", "locationId", "name", "productType", "availableInStore", "createdAt",
    "updatedAt", "statementDescriptor", "image", "collectionIds", "isTaxesEnabled", "taxes",
    "automaticTaxCategoryId", "label", "slug",
)  # fmt: skip
WRITTEN = tuple(name for name in SHOWN if name not in ("_id", "locationId", "createdAt", "updatedAt"))
CREATED = itemgetter("createdAt")
FILTERS = ("search", "collectionIds", "collectionSlug", "availableInStore", "includedInStore")


def list_products(call: Call) -> Record:
    """Return one page of the products that pass the filters. A `limit` of 0 means no limit."""
    query = call.query
    check_location(call, query["locationId"])
    matching, offset, limit = _matching(call), query["offset"], query["limit"]
    page = matching[offset : offset + limit] if limit else matching[offset:]
    products = [_shown(product, query["locationId"]) for product in page]
    return {"products": products, "total": [{"total": len(matching)}]}


def _matching(call: Call) -> Sequence[Record]:
    products, query = call.records("products"), call.query
    order = query.get("sortOrder")
    if ids := _product_ids(call):
        found = {position: key for key in ids if (position := products.position(key)) is not None}
        named = [product for place in sorted(found) if _passes(product := products.at(place), query)]
        return sorted(named, key=CREATED, reverse=order == "desc") if order else named
    if order:
        passes = partial(_passes, query=query)
        return products.in_order(CREATED, passes, descending=order == "desc")
    if not any(name in query for name in FILTERS):
        return products
    return products.where(partial(_passes, query=query))


def _product_ids(call: Call) -> list[str]:
    """Return the ids of `productIds`. The official JavaScript client writes the name with brackets."""
    return [*call.query.get("productIds", ()), *call.query.get("productIds[]", ())]


def _passes(product: Record, query: Record) -> bool:
    """Return True if a product passes all filters. There are no collections, so none has a slug."""
    wanted = {text.strip() for text in query.get("collectionIds", "").split(",")} - {""}
    in_store = product.get("availableInStore", False)
    return (
        query.get("search", "").lower() in product["name"].lower()
        and not query.get("collectionSlug")
        and (not wanted or not wanted.isdisjoint(product.get("collectionIds", ())))
        and all(query.get(name, in_store) is in_store for name in ("availableInStore", "includedInStore"))
    )


def get_product(call: Call) -> Record:
    check_location(call, call.query["locationId"])
    return _shown(find_product(call), call.query["locationId"])


def create_product(call: Call) -> Answer:
    """Add a product. It has no price at first, and so no inventory item."""
    check_location(call, call.body["locationId"])
    now = iso_timestamp(call.now)
    product = {
        "_id": call.new_object_id("product"),
        "isTaxesEnabled": False,
        **given(call.body, WRITTEN),
        "createdAt": now,
        "updatedAt": now,
    }
    call.records("products").put(product)
    return Answer(201, _shown(product, call.body["locationId"]))


def update_product(call: Call) -> Record:
    """Change the fields of a product that the body has. Its inventory items show its name and image, too."""
    check_location(call, call.body["locationId"])
    changes = given(call.body, WRITTEN)
    product = {**find_product(call), **changes, "updatedAt": iso_timestamp(call.now)}
    call.records("products").put(product)
    rename_items(call, product)
    return _shown(product, call.body["locationId"])


def delete_product(call: Call) -> Record:
    check_location(call, call.query["locationId"])
    remove_product(call, find_product(call))
    return {"status": True}


def remove_product(call: Call, product: Record) -> None:
    """Delete a product with its prices and their inventory items."""
    prices, ids = call.records("prices"), [item["_id"] for item in items_of(call, product)]
    prices.delete(*[price_id for price_id in ids if prices.get(price_id)])
    call.records("inventory").delete(*ids)
    call.records("products").delete(product["_id"])


def _shown(product: Record, location_id: str) -> dict[str, Any]:
    return pick({**product, "locationId": location_id}, SHOWN)


def is_slow(call: Call) -> bool:
    """Return True for a search that has to read many records, and for a long page."""
    products, limit = call.records("products"), call.query["limit"]
    if any(name in call.query for name in (*FILTERS, "sortOrder")) and not products.search_is_fast:
        return True
    return min(limit or len(products), len(products)) > LONG_PAGE
