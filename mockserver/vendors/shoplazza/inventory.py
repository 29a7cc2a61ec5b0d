"""The stock of a product at its locations.

Source: the vendor's page "Get Product Inventory Detail".
"""

from mockserver.vendor_api import Call, Problem, Record
from mockserver.vendors.shoplazza.goods.uuids import parse_uuid


def product_inventory(call: Call) -> Record:
    """Return the stock of a product, at one location if the query names one."""
    product_id = call.path["product_id"]
    if not product_id:
        raise Problem("bad_request", "ProductId is required")
    product = call.records("products").get(parse_uuid(product_id))
    if product is None:
        raise Problem("not_found")
    location = call.query.get("location_id")
    return product if location is None else _only_at(product, location)


def _only_at(product: Record, location: int) -> Record:
    """Return the product with its stock at one location. Variants not stocked there have an empty list."""
    variants = [
        {**variant, "location_items": [i for i in variant["location_items"] if i["location_id"] == location]}
        for variant in product["variants"]
    ]  # fmt: skip
    return {**product, "variants": variants}
