"""MerchantPro's stock API: price and stock of one product or variant, by id, SKU or EAN.

Source: the vendor's page "Stock API". Prices have two decimal places on the page; `price` says how an answer
shows them. A new net price also changes the gross price, by the product's VAT rate, and vice versa.
"""

from collections.abc import Callable

from mockserver.vendor_api import Call, Problem, Record, Records
from mockserver.vendors.merchantpro.goods.items import price_change, stock_change, total, warehouse_change
from mockserver.vendors.merchantpro.goods.prices import MONEY, PRICES, PriceForm, cents, plain, rounded
from mockserver.vendors.merchantpro.goods.records import product_id_of_item
from mockserver.vendors.merchantpro.known_fields import known_fields
from mockserver.vendors.merchantpro.refusals import READ_ONLY_IN_STOCK

FIELDS = (
    "id", "sku", "ean", "name", "inventory_enabled", "stock", "warehouses", "price_net", "price_gross",
    "old_price_net", "old_price_gross",
)  # fmt: skip
DEFAULT_FIELDS = tuple(name for name in FIELDS if name != "name")
INVENTORY_FIELDS = ("stock", "warehouses")  # omitted while the inventory function is off

WAREHOUSE_FIELDS = ("id", "name", "stock")
CHANGE_FIELDS = ("inventory_enabled", "stock", "warehouses", *PRICES)


def get_inventory(call: Call, price: PriceForm = cents) -> Record:
    """Return the record that the path identifies."""
    return _body(_find(call.records("inventory"), call), call, _warehouse_as_read, price)


def update_inventory(call: Call) -> Record:
    """Change a record and return it. If any part of the change is refused, nothing changes."""
    return _update(call, call.body, lambda record: False, cents)


def _update(call: Call, change: Record, backorders: Callable[[Record], bool], price: PriceForm) -> Record:
    """Make a change. `backorders` tells if the stock of a record may be below zero."""
    items = call.records("inventory")
    record = _find(items, call)
    changed = {
        **record,
        **stock_change(record, change, backorders=backorders(record)),
        **warehouse_change(record, change),
    }
    if not MONEY.isdisjoint(change):
        changed |= price_change(record, rounded(change, price))
    changed["inventory_enabled"] = change.get("inventory_enabled", record["inventory_enabled"])
    items.put(changed)
    return _body(changed, call, _warehouse_as_updated, price)


def update_inventory_as_observed(call: Call) -> Record:
    """Change a record as `update_inventory` does. With back-orders, its stock may be below zero."""
    change = known_fields(
        call, CHANGE_FIELDS, "warehouses", WAREHOUSE_FIELDS, never_ignored=READ_ONLY_IN_STOCK
    )
    return _update(call, change, lambda record: _allows_backorders(call, record), plain)


def _allows_backorders(call: Call, record: Record) -> bool:
    owner = call.records("products").get(str(product_id_of_item(call.catalog, record["id"])))
    return bool(owner and owner["allow_backorders"])


def _find(items: Records, call: Call) -> Record:
    record = items.find(call.path["type"], call.path["identifier"])
    if record is None:
        raise Problem("not_found")
    return record


def _warehouse_as_read(warehouse: Record) -> Record:
    return {"id": warehouse["id"], "name": warehouse["name"], "stock": warehouse["stock"]}


def _warehouse_as_updated(warehouse: Record) -> Record:
    return {"id": warehouse["id"], "stock": warehouse["stock"], "name": warehouse["name"]}


def _body(
    record: Record, call: Call, format_warehouse: Callable[[Record], Record], price: PriceForm
) -> Record:
    """Return the body of an answer: the fields that the query asks for, or the default fields."""
    fields = call.query.get("fields")
    names = [name for name in FIELDS if name in fields] if fields else DEFAULT_FIELDS
    body = {name: record[name] for name in names if name in record}
    for name in MONEY.intersection(body):
        body[name] = price(body[name])
    if record["inventory_enabled"] == "off":
        for name in INVENTORY_FIELDS:
            body.pop(name, None)
    elif warehouses := record.get("warehouses"):
        if "stock" in body:
            body["stock"] = total(warehouses)
        if "warehouses" in body:
            body["warehouses"] = [format_warehouse(warehouse) for warehouse in warehouses]
    return body
