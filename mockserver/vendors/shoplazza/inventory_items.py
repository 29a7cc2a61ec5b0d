"""Inventory items of version 2026-01: each belongs to a variant.

Source: the vendor's official command line.
"""

from mockserver.vendor_api import Call, Problem, Record
from mockserver.vendors.shoplazza.goods.product import Goods
from mockserver.vendors.shoplazza.goods.records import INVENTORY_ITEM, related_id
from mockserver.vendors.shoplazza.goods.uuids import is_uuid
from mockserver.vendors.shoplazza.pages import cursor_parts, envelope, page_size, to_cursor, wrong_cursor


def list_inventory_items(call: Call) -> Record:
    """Return a page of the inventory items with the ids in the query, in their order."""
    ids, size = [*dict.fromkeys(call.query["inventory_item_ids"])], page_size(call)
    after = cursor_parts(call, 1)
    if after:
        if after[0] not in ids:
            raise wrong_cursor()
        ids = ids[ids.index(after[0]) + 1 :]
    found = [body for one in ids if (body := _body(call, one))]
    has_more = len(found) > size
    return envelope(
        inventory_items=found[:size],
        cursor=to_cursor(found[size - 1]["id"]) if has_more else "",
        has_more=has_more,
    )


def get_inventory_item(call: Call) -> Record:
    """Return an inventory item."""
    body = _body(call, call.path["inventory_item_id"])
    if body is None:
        raise Problem("not_found", "inventory item not found")
    return envelope(inventory_item=body)


def list_items_of_variants(call: Call) -> Record:
    """Return the ids of the inventory items of variants."""
    ids = dict.fromkeys(call.query["variant_ids"])
    return envelope(variant_inventory_items=[
        {"inventory_item_id": related_id(one, INVENTORY_ITEM), "variant_id": one}
        for one in ids if Goods.of_variant(call, one)
    ])  # fmt: skip


def _body(call: Call, item_id: str) -> Record | None:
    """Return an inventory item as version 2026-01 shows it, or None if there is none with this id."""
    found = Goods.of_variant(call, related_id(item_id, INVENTORY_ITEM)) if is_uuid(item_id) else None
    if found is None:
        return None
    goods, variant = found
    return {
        "id": item_id,
        "product_id": goods.id,
        "variant_id": variant["id"],
        "tracking": goods.details["inventory_tracking"],
        "tracking_policy": goods.details["inventory_policy"],
        "created_at": variant["created_at"],
        "updated_at": variant["updated_at"],
    }
