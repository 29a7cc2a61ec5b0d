"""MerchantPro's sellable items: what a change makes of their stock, warehouses and prices."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from mockserver.vendor_api import Record
from mockserver.vendors.merchantpro.goods.prices import PRICE_PAIRS, invalid, price_pair

MAX_STOCK = 1_000_000_000


def stock_change(record: Record, change: Mapping[str, Any], *, backorders: bool = False) -> Record:
    """Return a dict with the new `stock`, or an empty dict if the change does not set it.

    Only with `backorders` a change can lower the stock below zero.
    """
    if "stock" not in change:
        return {}
    if record.get("warehouses"):
        raise invalid("stock", "cannot be changed directly where warehouses exist, use warehouses")
    given = change["stock"]
    stock = given if isinstance(given, int) else record["stock"] + given["adjust_by"]
    if stock < min(record["stock"], 0) and not backorders:
        raise invalid("stock", "must not be negative")
    if abs(stock) > MAX_STOCK:
        bound = f"more than {MAX_STOCK}" if stock > 0 else f"less than -{MAX_STOCK}"
        raise invalid("stock", f"must not be {bound}")
    return {"stock": stock}


def warehouse_change(record: Record, change: Mapping[str, Any]) -> Record:
    """Return a dict with the new `warehouses`, or an empty dict if the change does not set them.

    Warehouses are matched by name. Warehouses that are missing from the change keep their quantity. An empty
    list changes nothing, even if the product has no warehouses.
    """
    if not change.get("warehouses"):
        return {}
    warehouses = record.get("warehouses", ())
    if not warehouses:
        raise invalid("warehouses", "the product has no warehouses")
    quantities = {given["name"]: given["stock"] for given in change["warehouses"]}
    if len(quantities) < len(change["warehouses"]):
        raise invalid("warehouses", "names a warehouse more than once")
    ids = {warehouse["name"]: warehouse["id"] for warehouse in warehouses}
    for given in change["warehouses"]:
        if given["name"] not in ids or given.get("id", ids[given["name"]]) != ids[given["name"]]:
            raise invalid("warehouses", f"there is no warehouse {given.get('id', '')} {given['name']}")
    return {"warehouses": [{**w, "stock": quantities.get(w["name"], w["stock"])} for w in warehouses]}


def price_change(record: Record, change: Mapping[str, Any]) -> Record:
    """Return the new prices. If the change sets one price of a pair, return both prices of that pair."""
    prices: dict[str, Decimal] = {}
    for net, gross in PRICE_PAIRS:
        if net in change or gross in change:
            prices |= price_pair(1 + record["vat"], change, net, gross)
    return prices


def total(warehouses: Iterable[Record]) -> int:
    return sum([warehouse["stock"] for warehouse in warehouses])
