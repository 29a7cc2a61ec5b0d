"""The prices of a product: listed, read, created, changed and deleted."""

from typing import Any

from mockserver.vendor_api import Answer, Call, Record, iso_timestamp
from mockserver.vendors.highlevel.access import check_location
from mockserver.vendors.highlevel.lookup import find_price, find_product, prices_of
from mockserver.vendors.highlevel.values import given, pick

# In the order of the official description. `sku` is in requests, but not in answers.
SHOWN = (
    "_id", "membershipOffers", "variantOptionIds", "locationId", "product", "userId", "name", "type",
    "currency", "amount", "recurring", "createdAt", "updatedAt", "compareAtPrice", "trackInventory",
    "availableQuantity", "allowOutOfStockPurchases",
)  # fmt: skip
IN_ITEM = ("name", "availableQuantity", "sku", "allowOutOfStockPurchases")
IN_PRICE = (
    "type", "currency", "amount", "recurring", "membershipOffers", "variantOptionIds", "userId",
    "compareAtPrice", "trackInventory",
)  # fmt: skip


def list_prices(call: Call) -> Record:
    """Return one page of the prices of a product. A `limit` of 0 means no limit."""
    query = call.query
    check_location(call, query["locationId"])
    wanted = [text.strip() for text in query.get("ids", "").split(",") if text.strip()]
    prices = [pair for pair in prices_of(call, find_product(call)) if not wanted or pair[0]["_id"] in wanted]
    offset, limit = query["offset"], query["limit"]
    page = prices[offset : offset + limit] if limit else prices[offset:]
    shown = [_shown(item, price, query["locationId"]) for item, price in page]
    return {"prices": shown, "total": len(prices)}


def get_price(call: Call) -> Record:
    check_location(call, call.query["locationId"])
    return _shown(*find_price(call), call.query["locationId"])


def create_price(call: Call) -> Answer:
    """Add a price to a product, and its inventory item. The item has no stock if the price is given none."""
    body = call.body
    check_location(call, body["locationId"])
    product, price_id, now = find_product(call), call.new_object_id("price"), iso_timestamp(call.now)
    item = {
        "_id": price_id,
        "name": body["name"],
        "availableQuantity": 0,
        "sku": "",
        "allowOutOfStockPurchases": False,
        "product": product["_id"],
        "updatedAt": now,
        **pick(product, ["image"]),
        "productName": product["name"],
    } | given(body, IN_ITEM)
    price = {"_id": price_id, **given(body, IN_PRICE), "createdAt": now}
    call.records("inventory").put(item)
    call.records("prices").put(price)
    return Answer(201, _shown(item, price, body["locationId"]))


def update_price(call: Call) -> Record:
    """Change the fields of a price that the body has. The others stay as they are."""
    body = call.body
    check_location(call, body["locationId"])
    item, price = find_price(call)
    item = {**item, **given(body, IN_ITEM), "updatedAt": iso_timestamp(call.now)}
    price = {**price, **given(body, IN_PRICE)}
    call.records("inventory").put(item)
    call.records("prices").put(price)
    return _shown(item, price, body["locationId"])


def delete_price(call: Call) -> Record:
    check_location(call, call.query["locationId"])
    find_price(call)
    for collection in ("inventory", "prices"):
        call.records(collection).delete(call.path["priceId"])
    return {"status": True}


def _shown(item: Record, price: Record, location_id: str) -> dict[str, Any]:
    return pick({**price, **item, "locationId": location_id}, SHOWN)


def is_slow(call: Call) -> bool:
    """Return True if it may take long to find the items of a product."""
    return not call.records("inventory").search_is_fast
