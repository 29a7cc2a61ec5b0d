"""Variants of version 2022-01: those of a product, one by id or by SKU, and changes to them.

Source: the vendor's pages "Variant List", "Variant Details", "Update Variant", "Variant List By SKU" and
"Update Variant By SKU", and its API description of version 2022-01.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from mockserver.vendor_api import Call, Problem, Record
from mockserver.vendors.shoplazza.goods.product import Goods, product_in, variant_in, variant_title
from mockserver.vendors.shoplazza.goods.records import CENT

MAX_QUICK_SCAN = 5000  # changed variants
PRICES = ("compare_at_price", "price", "retail_price")
KEPT = (
    "option1", "option2", "option3", "image_id", "sku", "barcode", "note", "weight_unit", "weight",
    "cost_price",
)  # fmt: skip
MISSPELLED = {"weigh_unit": "weight_unit", "Weight": "weight"}  # as the API description has them
# The fields that a body may have. Others are ignored: no schema has checked them.
OF_BOTH = (
    "compare_at_price", "price", "barcode", "note", "inventory_quantity", "weight", "weight_unit",
    "cost_price",
)  # fmt: skip
BY_ID = (*OF_BOTH, "option1", "option2", "option3", "image_id", "image", "sku", "weigh_unit")
BY_SKU = (*OF_BOTH, "retail_price", "Weight")


def list_variants(call: Call) -> Record:
    """Return the variants of a product."""
    goods = product_in(call)
    return {"variants": [variant_body(goods, variant) for variant in goods.variants()]}


def count_variants(call: Call) -> Record:
    """Return the number of variants of a product."""
    return {"count": len(product_in(call).variants())}


def get_variant(call: Call) -> Record:
    """Return a variant."""
    return {"variant": variant_body(*variant_in(call))}


def update_variant(call: Call) -> Record:
    """Change a variant and return it."""
    goods, variant = variant_in(call)
    return {"variant": variant_body(goods, _changed(goods, variant, call.body["variant"], BY_ID))}


def list_variants_by_sku(call: Call) -> Record:
    """Return the variants with a SKU."""
    return {"variants": [{**variant_body(goods, variant), "wholesale_price": [], "extend": None}
                         for goods, variant in _with_sku(call)]}  # fmt: skip


def update_variants_by_sku(call: Call) -> Record:
    """Change the variants with a SKU and return them. If there may be only one, refuse to change several."""
    found, change = _with_sku(call), call.body
    if not found:
        raise Problem("not_found")
    if change.get("refuse_multi_result") and len(found) > 1:
        raise Problem("invalid", "sku matches more than one variant")
    bodies = []
    for before, variant in found:
        goods = Goods.with_id(call, before.id) or before  # a variant of the same product may have changed
        changed = _changed(goods, variant, change, BY_SKU)
        more = {"wholesale_price": [], "retail_price": changed["retail_price"]}
        bodies.append({**variant_body(goods, changed), **more})
    return {"variants": bodies}


def by_sku_is_slow(call: Call) -> bool:
    """Return True if so many variants have changed that it takes time to look at all their SKUs."""
    return call.records("variants").changed_count > MAX_QUICK_SCAN


def _with_sku(call: Call) -> list[tuple[Goods, Record]]:
    variants = call.records("variants").find_all("sku", call.path["sku"])
    found = ((Goods.with_id(call, variant["product_id"]), variant) for variant in variants)
    return [(goods, variant) for goods, variant in found if goods is not None]


def _changed(goods: Goods, variant: Record, sent: Mapping[str, Any], known: tuple[str, ...]) -> Record:
    """Change a variant as a client wants it, and return it."""
    given = {name: value for name, value in sent.items() if name in known and value is not None}
    change = {MISSPELLED.get(name, name): value for name, value in given.items()}
    fields: dict[str, Any] = {name: change[name] for name in KEPT if name in change}
    fields |= {name: _price(change[name]) for name in PRICES if name in change}
    if "image" in change:
        image = {"src": "", "width": 0, "height": 0, "alt": "", **change["image"]}
        fields["image"] = {name: image[name] for name in ("src", "width", "height", "alt")}
    items = None
    if "inventory_quantity" in change:
        items = _with_quantity(goods, variant["id"], change["inventory_quantity"])
    return goods.save(variant, items, **fields)


def _price(text: str) -> str:
    return str(Decimal(text).quantize(CENT, ROUND_HALF_UP))


def _with_quantity(goods: Goods, variant_id: str, quantity: int) -> list[dict[str, Any]]:
    """Return the stock by location after the sum is set: the difference is that of the first location.

    If more is taken away than the first location has, the next ones give the rest. A variant without a
    location gets the shop's default one.
    """
    items = [dict(item) for item in goods.items(variant_id)]
    if not items:
        items = [{"location_id": goods.default_location(), "stock": 0}]
    missing = quantity - sum(item["stock"] for item in items)
    if missing >= 0:
        items[0]["stock"] += missing
        return items
    for item in items:
        taken = max(min(item["stock"], -missing), 0)
        item["stock"] -= taken
        missing += taken
    items[0]["stock"] += missing  # not 0 only if a location has less than nothing
    return items


def variant_body(goods: Goods, variant: Record) -> Record:
    """Return a variant as it is shown by itself."""
    return {
        "id": variant["id"],
        "product_id": variant["product_id"],
        "title": variant_title(variant),
        "price": variant["price"],
        "sku": variant["sku"],
        "position": goods.position(variant["id"]),
        "inventory_quantity": goods.quantity(variant["id"]),
        "compare_at_price": variant["compare_at_price"],
        "option1": variant["option1"],
        "option2": variant["option2"],
        "option3": variant["option3"],
        "created_at": variant["created_at"],
        "updated_at": variant["updated_at"],
        "barcode": variant["barcode"],
        "note": variant["note"],
        "weight": variant["weight"],
        "weight_unit": variant["weight_unit"],
        "image_id": variant["image_id"],
        "image": variant["image"],
        "cost_price": variant["cost_price"],
    }
