"""The inventory of a location: listed, and written by the ids of prices."""

from collections.abc import Sequence

from mockserver.vendor_api import Answer, Call, Problem, Record, iso_timestamp
from mockserver.vendors.highlevel.access import check_location
from mockserver.vendors.highlevel.values import given

LONG_PAGE = 500  # records; a longer page is handled in a thread


def list_inventory(call: Call) -> Record:
    """Return one page of the items that match the search. A `limit` of 0 means no limit, as in MongoDB."""
    check_location(call, call.query["altId"])
    items, offset, limit = call.records("inventory"), call.query["offset"], call.query["limit"]
    matching: Sequence[Record] = items
    if text := call.query.get("search", "").lower():
        matching = items.where(lambda item: _name_contains(item, text), id_contains=("sku", text))
    page = matching[offset : offset + limit] if limit else matching[offset:]
    return {"inventory": page, "total": {"total": len(matching)}}


def list_with_total_as_list(call: Call) -> Record:
    """Return a page of items with `total` as the live API sends it: the rows of an aggregation in MongoDB."""
    answer = list_inventory(call)
    total = answer["total"]
    return {**answer, "total": [total] if total["total"] else []}


def update_inventory(call: Call) -> Answer:
    """Write stock by the ids of prices: all that is sent, or nothing if one of the ids is unknown."""
    check_location(call, call.body["altId"])
    items, now = call.records("inventory"), iso_timestamp(call.now)
    for sent in call.body["items"]:
        item = items.get(sent["priceId"])
        if item is None:
            raise Problem("not_found", "Price not found")
        changes = given(sent, ("availableQuantity", "allowOutOfStockPurchases"))
        items.put({**item, **changes, "updatedAt": now})
    return Answer(201, {"status": True, "message": "Successfully created"})


def _name_contains(item: Record, text: str) -> bool:
    return any(text in item.get(field, "").lower() for field in ("name", "productName"))


def is_slow(call: Call) -> bool:
    """Return True for a search that has to scan many records, and for a long page."""
    limit, search = call.query["limit"], "search" in call.query
    if 0 < limit <= LONG_PAGE and not search:
        return False
    items = call.records("inventory")
    return (search and not items.search_is_fast) or min(limit or len(items), len(items)) > LONG_PAGE
