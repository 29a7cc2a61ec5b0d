"""MerchantPro: price and stock of one product or variant, by id, SKU or EAN.

Source: the vendor's page "Stock API". Prices have two decimal places. A new net price also changes the gross
price, by the product's VAT rate, and vice versa. No page documents the names and texts of errors, so those
used here are invented.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from operator import attrgetter
from typing import Any

from mockserver.vendor_api import (
    EAN_FORMAT,
    SKU_SUFFIX,
    Answer,
    Call,
    Catalog,
    Collection,
    Item,
    Location,
    Problem,
    Record,
    Records,
    Vendor,
    Violation,
    Window,
    basic_header,
    basic_user,
    numbered_from,
    require_accepted,
)

FIRST_ID = 10_004  # ids 10001 to 10003 are the examples on the vendor's page
CENT = Decimal("0.01")
MAX_STOCK = 1_000_000_000
DEFAULT_RETRY_AFTER = 1_000_000  # microseconds; the length of the shortest window
FIELDS = (
    "id", "sku", "ean", "name", "inventory_enabled", "stock", "warehouses", "price_net", "price_gross",
    "old_price_net", "old_price_gross",
)  # fmt: skip
DEFAULT_FIELDS = tuple(name for name in FIELDS if name != "name")
INVENTORY_FIELDS = ("stock", "warehouses")  # omitted while the inventory function is off
PRICE_PAIRS = (("price_net", "price_gross"), ("old_price_net", "old_price_gross"))
PRICES = tuple(name for pair in PRICE_PAIRS for name in pair)
READ_ONLY = ("id", "sku", "ean", "name")
ANSWERS: dict[str, tuple[int, str, str]] = {
    "bad_request": (400, "bad_request", "The request cannot be read"),
    "invalid": (400, "validation_failed", "The request has invalid fields"),
    "unauthenticated": (401, "unauthorized", "Invalid credentials"),
    "forbidden": (403, "forbidden", "Access denied"),
    "not_found": (404, "not_found", "Resource not found"),
    "no_such_path": (404, "not_found", "Resource not found"),
    "method_not_allowed": (405, "method_not_allowed", "Method not allowed"),
    "request_timeout": (408, "request_timeout", "Request timeout"),
    "too_large": (413, "payload_too_large", "Payload too large"),
    "rate_limited": (429, "too_many_requests", "Too many requests"),
}


def get_inventory(call: Call) -> Record:
    """Return the record that the path identifies."""
    return _body(_find(call.records("inventory"), call), call, _warehouse_as_read)


def update_inventory(call: Call) -> Record:
    """Change a record and return it. If any part of the change is refused, nothing changes."""
    items, change = call.records("inventory"), call.body
    record = _find(items, call)
    changed = {**record, **_stock(record, change), **_warehouses(record, change), **_prices(record, change)}
    changed["inventory_enabled"] = change.get("inventory_enabled", record["inventory_enabled"])
    items.put(changed)
    return _body(changed, call, _warehouse_as_updated)


def _find(items: Records, call: Call) -> Record:
    record = items.find(call.path["type"], call.path["identifier"])
    if record is None:
        raise Problem("not_found")
    return record


def _stock(record: Record, change: Mapping[str, Any]) -> Record:
    """Return a dict with the new `stock`, or an empty dict if the change does not set it."""
    if "stock" not in change:
        return {}
    if record.get("warehouses"):
        raise _invalid("stock", "cannot be changed directly where warehouses exist, use warehouses")
    given = change["stock"]
    stock = given if isinstance(given, int) else record["stock"] + given["adjust_by"]
    if stock < 0:
        raise _invalid("stock", "must not be negative")
    if stock > MAX_STOCK:
        raise _invalid("stock", f"must not be more than {MAX_STOCK}")
    return {"stock": stock}


def _warehouses(record: Record, change: Mapping[str, Any]) -> Record:
    """Return a dict with the new `warehouses`, or an empty dict if the change does not set them.

    Warehouses are matched by name. Warehouses that are missing from the change keep their quantity. An empty
    list changes nothing, even if the product has no warehouses.
    """
    if not change.get("warehouses"):
        return {}
    warehouses = record.get("warehouses", ())
    if not warehouses:
        raise _invalid("warehouses", "the product has no warehouses")
    quantities = {given["name"]: given["stock"] for given in change["warehouses"]}
    if len(quantities) < len(change["warehouses"]):
        raise _invalid("warehouses", "names a warehouse more than once")
    ids = {warehouse["name"]: warehouse["id"] for warehouse in warehouses}
    for given in change["warehouses"]:
        if given["name"] not in ids or given.get("id", ids[given["name"]]) != ids[given["name"]]:
            raise _invalid("warehouses", f"there is no warehouse {given.get('id', '')} {given['name']}")
    return {"warehouses": [{**w, "stock": quantities.get(w["name"], w["stock"])} for w in warehouses]}


def _prices(record: Record, change: Mapping[str, Any]) -> Record:
    """Return the new prices. If the change sets one price of a pair, return both prices of that pair."""
    prices: dict[str, Decimal] = {}
    for net, gross in PRICE_PAIRS:
        if net in change or gross in change:
            prices |= _pair(1 + record["vat"], change, net, gross)
    return prices


def _pair(factor: Decimal, change: Mapping[str, Any], net: str, gross: str) -> dict[str, Decimal]:
    """Return net and gross price. If `change` has only one, compute the other. If it has both, check them."""
    given = {name: _cents(change[name]) for name in (net, gross) if name in change}
    computed = {}
    if net in given:
        computed[gross] = _cents(given[net] * factor)
    if gross in given:
        computed[net] = _cents(given[gross] / factor)
    if len(given) == 2 and all(given[name] != computed[name] for name in given):
        raise _invalid(gross, f"does not agree with {net}")
    prices = {**computed, **given}
    return {net: prices[net], gross: prices[gross]}


def _cents(amount: Decimal | int) -> Decimal:
    """Return the amount, rounded half up to two decimal places, and never as minus zero."""
    if type(amount) is Decimal and amount.same_quantum(CENT) and not amount.is_signed():
        return amount
    return abs(Decimal(amount).quantize(CENT, ROUND_HALF_UP))


def _invalid(field: str, text: str) -> Problem:
    return Problem("invalid", fields={field: text})


def _warehouse_as_read(warehouse: Record) -> Record:
    return {"id": warehouse["id"], "name": warehouse["name"], "stock": warehouse["stock"]}


def _warehouse_as_updated(warehouse: Record) -> Record:
    return {"id": warehouse["id"], "stock": warehouse["stock"], "name": warehouse["name"]}


def _body(record: Record, call: Call, format_warehouse: Callable[[Record], Record]) -> Record:
    """Return the body of an answer: the fields that the query asks for, or the default fields."""
    fields = call.query.get("fields")
    names = [name for name in FIELDS if name in fields] if fields else DEFAULT_FIELDS
    body = {name: record[name] for name in names if name in record}
    for name in PRICES:
        if name in body:
            body[name] = _cents(body[name])
    if record["inventory_enabled"] == "off":
        for name in INVENTORY_FIELDS:
            body.pop(name, None)
    elif warehouses := record.get("warehouses"):
        if "stock" in body:
            body["stock"] = _total(warehouses)
        if "warehouses" in body:
            body["warehouses"] = [format_warehouse(warehouse) for warehouse in warehouses]
    return body


def to_record(catalog: Catalog, number: int) -> Record:
    """Return a variant as a record. It has warehouses if there is stock at more than one location."""
    product, variant = catalog.variant(number)
    record = {
        "id": FIRST_ID + number,
        "sku": variant.sku,
        "ean": variant.ean,
        "name": product.title(variant),
        "inventory_enabled": "on" if variant.tracked else "off",
        "stock": variant.quantity,
        "price_net": _cents(variant.price / (1 + product.vat)),
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
        stock = _total(record["warehouses"]) if record.get("warehouses") else record["stock"]
    return [Item(str(record["id"]), ids, path, record.get("name"), stock, (record["price_gross"],))]


def _total(warehouses: Iterable[Record]) -> int:
    return sum([warehouse["stock"] for warehouse in warehouses])


def id_numbers(catalog: Catalog, number: int) -> tuple[int, int, int]:
    return FIRST_ID + number, number + 1, catalog.ean_number(number)


def _warehouse(location: Location, quantity: int) -> Record:
    return {"id": location.number, "name": location.name, "stock": quantity}


def render(problem: Problem, call: Call) -> Answer:
    status, name, default = ANSWERS[problem.kind]
    violations = problem.violations if problem.kind == "invalid" else ()
    details = {**problem.fields, **{violation.name or "body": _text(violation) for violation in violations}}
    headers: tuple[tuple[str, str], ...] = ()
    if problem.kind == "rate_limited":
        seconds = str(-(-(call.quota.retry_after or DEFAULT_RETRY_AFTER) // 1_000_000))
        details["reset_time"], headers = seconds, (("Retry-After", seconds),)
    error = {"name": name, "message": problem.message or default, "details": details}
    return Answer(status, {"error": error}, headers)


def _text(violation: Violation) -> str:
    match violation.rule:
        case "undeclared":
            return "cannot be changed" if violation.name in READ_ONLY else "is not a known field"
        case "minimum" if violation.expected == 0:
            return "must not be negative"
        case "minimum" | "maximum" as bound:
            return f"must not be {'less' if bound == 'minimum' else 'more'} than {violation.expected}"
        case "enum":
            return f"must be one of {', '.join(violation.expected)}"
        case "required":
            return "is required"
        case "oneOf":
            return "must be an integer or an object with adjust_by"
        case "type":
            return f"must be of type {violation.expected}"
    return "is not valid"


vendor = Vendor(
    name="merchantpro",
    title="MerchantPro",
    credential=basic_user,
    authenticate=require_accepted,
    operations={"get-inventory": get_inventory, "update-inventory": update_inventory},
    render=render,
    limits=(
        Window("second", seconds=1, most=4),
        Window("minute", seconds=60, most=80),
        Window("hour", seconds=3_600, most=3_600),
        Window("day", seconds=86_400, most=60_000),
    ),
    collections=(
        Collection("inventory", key="id", count=attrgetter("variant_count"), make=to_record,
                   locate=numbered_from(FIRST_ID), items=items, id_numbers=id_numbers,
                   id_formats={"id": "%d", "sku": SKU_SUFFIX, "ean": EAN_FORMAT},
                   aliases={"sku": lambda catalog, sku: catalog.variant_with_sku(sku),
                            "ean": lambda catalog, ean: catalog.variant_with_ean(ean)}),
    ),
    sample="/api/v2/inventory/id/10001",
    auth_headers=basic_header,
)  # fmt: skip
