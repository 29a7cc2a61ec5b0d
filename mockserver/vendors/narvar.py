"""Narvar's Inventory API for Exchanges: the variants for which an item can be exchanged.

Source: the vendor's page "Inventory API". Narvar's portal is the client of this API, and the retailer runs
the server. The page documents only status 200; other answers have the format of Narvar's Order API. In the
dialect `observed` they have that of an endpoint for orders which Narvar's own extension hosts for a retailer.
"""

from operator import attrgetter
from urllib.parse import quote

from mockserver.vendor_api import (
    Answer,
    Call,
    Catalog,
    Collection,
    Item,
    Location,
    Problem,
    Product,
    Record,
    Variant,
    Vendor,
    basic_header,
    basic_user,
    numbered_from,
    require_accepted,
)

FIRST_ITEM = 5_188_667  # the page's example for `item_id`
FIRST_LOCATION = 6_719_910  # the page's example for `location`
THRESHOLD = 10  # `stock_quantity` of every row, as in the page's example
OPTIONS = ("size", "color", "material")  # attributes that can be options
ANSWERS: dict[str, tuple[int, str, str]] = {
    "bad_request": (400, "BAD_REQUEST", "The request cannot be read"),
    "invalid": (400, "BAD_REQUEST", "The request cannot be read"),
    "unauthenticated": (401, "UNAUTHORIZED", "Authentication failed"),
    "forbidden": (403, "FORBIDDEN", "Access denied"),
    "not_found": (404, "NOT_FOUND", "Item not found"),
    "no_such_path": (404, "NOT_FOUND", "Resource not found"),
    "method_not_allowed": (405, "METHOD_NOT_ALLOWED", "Method not allowed"),
    "request_timeout": (408, "REQUEST_TIMEOUT", "Request timeout"),
    "too_large": (413, "PAYLOAD_TOO_LARGE", "Payload too large"),
    "rate_limited": (429, "TOO_MANY_REQUESTS", "Too many requests"),
}


def exchange_inventory(call: Call) -> Record:
    """Return an item with its inventory, at one location if the query names one.

    If the query names a retailer, items of other retailers are not found.
    """
    item = call.records("items").get(call.path["item_id"])
    retailer, location = call.query.get("retailer"), call.query.get("location")
    if item is None or retailer not in (None, item["retailer"]):
        raise Problem("not_found")
    inventory = [row for row in item["inventory"] if location in (None, row.get("location_id"))]
    return {
        "id": item["id"],
        "inventory": inventory,
        "options": item.get("options") or _options(inventory),
    }


def _options(inventory: list[Record]) -> list[Record]:
    """Return the options of an item: for each attribute, its distinct values in order of appearance."""
    attributes = [row.get("attributes", {}) for row in inventory]
    values = {code: dict.fromkeys(one[code] for one in attributes if one.get(code)) for code in OPTIONS}
    return [
        {"title": code.title(), "code": code, "values": list(distinct)}
        for code, distinct in values.items()
        if distinct
    ]


def to_record(catalog: Catalog, number: int) -> Record:
    """Return a product as an item, with one row for each variant and location."""
    product = catalog.product(number)
    return {
        "id": str(FIRST_ITEM + number),
        "retailer": product.brand.lower() if number % 2 else "peninsula",
        "inventory": [
            _row(product, variant, location, max(quantity, 0))
            for variant in product.variants
            for location, quantity in variant.stock
        ],
    }


def _row(product: Product, variant: Variant, location: Location, quantity: int) -> Record:
    return {
        "variant_id": str(FIRST_ITEM * 10 + variant.number),
        "title": f"{variant.color} {product.name}",
        "location_id": str(FIRST_LOCATION + location.number - 1),
        "exchange_eligibility": quantity > 0,
        "available_quantity": quantity,
        "stock_quantity": THRESHOLD,
        "item_image": product.image,
        "attributes": {
            "price": str(variant.price),
            "currency": "USD",
            "weight": str(variant.weight),
            "uom": "lbs",
            "size": variant.size,
            "color": variant.color,
            "material": product.material,
        },
        "sku": variant.sku,
        "price": str(variant.price),
    }


def items(record: Record) -> list[Item]:
    """Return the variants of an item. Each has a row for each location."""
    path = f"/exchanges/inventory/{quote(str(record['id']), safe='')}"
    rows: dict[str, list[Record]] = {}
    for row in record["inventory"]:
        rows.setdefault(row.get("variant_id") or row.get("sku") or "", []).append(row)
    return [_item(record, key, path, of_variant) for key, of_variant in rows.items()]


def _item(record: Record, key: str, path: str, rows: list[Record]) -> Item:
    first = rows[0]
    ids = {"id": record["id"], **{name: first[name] for name in ("variant_id", "sku") if name in first}}
    shown = [place["price"] for row in rows for place in (row, row.get("attributes", {})) if "price" in place]
    stock = sum([row["available_quantity"] for row in rows])
    return Item(key, ids, path, first.get("title"), stock, tuple(dict.fromkeys(shown)))


def render(problem: Problem, call: Call) -> Answer:
    status, code, default = ANSWERS[problem.kind]
    message = {"level": "ERROR", "code": code, "message": problem.message or default}
    return Answer(status, {"status": "FAILURE", "messages": [message]})


def render_as_observed(problem: Problem, call: Call) -> Answer:
    """Return a refusal in the form that Narvar's own code has for the endpoints that a retailer hosts."""
    status, _, default = ANSWERS[problem.kind]
    text = problem.message or default
    if problem.kind == "not_found" and "item_id" in call.path:
        # An id may stand for bytes that are not UTF-8, which JSON cannot hold.
        item_id = call.path["item_id"].encode("utf-8", "replace").decode()
        text = f"Item {item_id} Resource Not Found"
    message = {"level": "error", "message": text}
    return Answer(status, [{"status": "error", "status_code": status, "messages": [message]}])


vendor = Vendor(
    name="narvar",
    title="Narvar",
    credential=basic_user,
    authenticate=require_accepted,
    operations={"get-exchange-inventory": exchange_inventory},
    render=render,
    collections=(
        Collection("items", key="id", count=attrgetter("product_count"), make=to_record,
                   locate=numbered_from(FIRST_ITEM), items=items),
    ),
    sample="/exchanges/inventory/9999",
    auth_headers=basic_header,
    observed={"render": render_as_observed},
)  # fmt: skip
