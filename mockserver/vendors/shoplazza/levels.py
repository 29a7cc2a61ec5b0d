"""Inventory levels of version 2026-01: the stock of an inventory item at a location.

Source: the vendor's official command line. By what it says of the live vendor, both writes only add stock.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

from mockserver.vendor_api import Call, Problem, Ranked, Record
from mockserver.vendors.shoplazza.goods.product import Goods
from mockserver.vendors.shoplazza.goods.records import INVENTORY_ITEM, related_id
from mockserver.vendors.shoplazza.goods.times import parse_time
from mockserver.vendors.shoplazza.goods.uuids import is_uuid
from mockserver.vendors.shoplazza.pages import (
    DEFAULT_PAGE_SIZE,
    cursor_parts,
    envelope,
    page_size,
    to_cursor,
    wrong_cursor,
)

BATCH = 50  # products
Level = tuple[Goods, Record, Record]  # a product, a variant of it, and the variant's stock at a location


def list_levels(call: Call) -> Record:
    """Return a page of inventory levels."""
    size = page_size(call)
    found = [*islice(_levels(call), size + 1)]
    page, has_more = found[:size], len(found) > size
    return envelope(
        inventory_levels=[level_body(variant, item) for _, variant, item in page],
        cursor=_cursor(*page[-1]) if has_more else "",
        has_more=has_more,
    )


def connect_level(call: Call) -> Record:
    """Connect an inventory item with a location, where it has no stock yet. Return the level."""
    goods, variant, location = _named(call)
    items = goods.items(variant["id"])
    item = _at(items, location)
    if item is None:
        item = {"location_id": location, "stock": 0}
        variant = goods.save(variant, [*items, item])
    return envelope(inventory_level=level_body(variant, item))


def delete_level(call: Call) -> Record:
    """Take an inventory item from a location, with the stock that it has there."""
    goods, variant, location = _named(call)
    items = goods.items(variant["id"])
    item = _existing(items, location)
    goods.save(variant, [one for one in items if one is not item])
    return envelope()


def adjust_level(call: Call) -> Record:
    """Add to the stock of an inventory item at a location."""
    return _add(call, "stock_adjustment")


def set_level(call: Call) -> Record:
    """Add to the stock, too: the vendor's operation does not set it, in spite of its name."""
    return _add(call, "stock")


def list_is_slow(call: Call) -> bool:
    """Return True for large pages, and for filters, which read the products of a whole period."""
    query = call.query
    filtered = "updated_at_min" in query or "location_ids" in query
    return (
        filtered or query["page_size"] > DEFAULT_PAGE_SIZE
        or not Ranked(call.records("products")).is_fast
    )  # fmt: skip


def _add(call: Call, name: str) -> Record:
    goods, variant, location = _named(call)
    items, added = goods.items(variant["id"]), call.body.get(name, 0)
    item = _existing(items, location)
    if added + item["stock"] < 0:
        current = {"current_stock": str(item["stock"])}
        raise Problem("invalid", "insufficient_stock", status=422, fields=current)
    if added <= 0:
        raise Problem("invalid", f"{name} must be greater than 0", status=422)
    changed = {**item, "stock": item["stock"] + added}
    variant = goods.save(variant, [changed if one is item else one for one in items])
    return envelope(inventory_level=level_body(variant, changed))


def _named(call: Call) -> tuple[Goods, Record, int]:
    """Return product and variant of the inventory item in the body, and the location. Raise Problem."""
    item_id, location_id = call.body["inventory_item_id"], call.body["location_id"]
    found = Goods.of_variant(call, related_id(item_id, INVENTORY_ITEM)) if is_uuid(item_id) else None
    if found is None:
        raise Problem("not_found", "inventory item not found")
    location = call.records("locations").get(location_id)
    if location is None:
        raise Problem("not_found", "location not found")
    return *found, location["id"]


def _at(items: list[Record], location: int) -> Record | None:
    return next((item for item in items if item["location_id"] == location), None)


def _existing(items: list[Record], location: int) -> Record:
    item = _at(items, location)
    if item is None:
        raise Problem("not_found", "inventory level not found")
    return item


def _levels(call: Call) -> Iterator[Level]:
    """Yield the levels that pass the filters, after the cursor if there is one. Raise Problem.

    The variants of a product are in their order, and its locations in the order of their ids.
    """
    products, after, place = _products(call), cursor_parts(call, 3), None
    if after:
        product_id, variant_id, location_id = after
        if not (is_uuid(product_id) and is_uuid(variant_id) and location_id.isdecimal()):
            raise wrong_cursor()
        place = products.place(0, product_id)
        if goods := Goods.with_id(call, product_id):
            last = goods.position(variant_id), int(location_id[:20])
            yield from (
                level for level in _levels_of(call, goods)
                if (goods.position(level[1]["id"]), level[2]["location_id"]) > last
            )  # fmt: skip
    while found := products.after(place, BATCH):
        for stock in found:
            if goods := Goods.with_id(call, stock["product_id"]):
                yield from _levels_of(call, goods)
        place = products.place_of(found[-1])


def _products(call: Call) -> Ranked:
    """Return the stock of the products whose levels can pass the filters, without reading all products."""
    query, only, since = call.query, None, _since(call)
    details, locations = call.records("product_details"), _locations(call)
    if "inventory_item_ids" in query:
        ids = (related_id(item_id, INVENTORY_ITEM) for item_id in query["inventory_item_ids"])
        only = {variant["product_id"] for variant in map(call.records("variants").get, ids) if variant}

    def passes(stock: Record, read: Callable[[str], Record | None] = details.get) -> bool:
        product = read(stock["product_id"])
        recent = product is not None and (since is None or product["updated_at"] >= since)
        return recent and (locations is None or _has_stock_at(locations, stock))

    everything = since is None and locations is None
    return Ranked(
        call.records("products"),
        None if everything else passes,
        passes_as_generated=None if everything else partial(passes, read=details.original),
        also=details.changed_keys() if since else (),
        hidden=details.deleted_keys(),
        only=only,
    )


def _has_stock_at(locations: set[int], stock: Record) -> bool:
    return any(
        item["location_id"] in locations for one in stock["variants"] for item in one["location_items"]
    )


def _locations(call: Call) -> set[int] | None:
    """Return the ids of the locations in the query, or None if there are none."""
    return {int(text) for text in call.query["location_ids"]} if "location_ids" in call.query else None


def _since(call: Call) -> str | None:
    if "updated_at_min" not in call.query:
        return None
    since = parse_time(call.query["updated_at_min"])
    if since is None:
        raise Problem("invalid", "updated_at_min is invalid")
    return since


def _levels_of(call: Call, goods: Goods) -> Iterator[Level]:
    """Yield the levels of a product that pass the filters."""
    query, since, locations = call.query, _since(call), _locations(call)
    for variant in goods.variants():
        item_id = related_id(variant["id"], INVENTORY_ITEM)
        if (
            item_id not in query.get("inventory_item_ids", (item_id,))
            or (since or "") > variant["updated_at"]
        ):
            continue
        for item in sorted(goods.items(variant["id"]), key=lambda item: int(item["location_id"])):
            if locations is None or item["location_id"] in locations:
                yield goods, variant, item


def _cursor(goods: Goods, variant: Record, item: Record) -> str:
    return to_cursor(goods.id, variant["id"], str(item["location_id"]))


def level_body(variant: Record, item: Record) -> Record:
    """Return a level as version 2026-01 shows it: without its stock if that is 0."""
    stock = {"stock": item["stock"]} if item["stock"] else {}
    return {
        "inventory_item_id": related_id(variant["id"], INVENTORY_ITEM),
        "location_id": str(item["location_id"]),
        **stock,
        "updated_at": variant["updated_at"],
    }
