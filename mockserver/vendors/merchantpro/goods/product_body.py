"""MerchantPro's products as JSON: what belongs to the product, joined with its items.

Key order and names are those that clients read. A product with variants has no stock, prices and weight of
its own, because the vendor refuses them there.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any

from mockserver.vendor_api import Call, Record
from mockserver.vendors.merchantpro.goods.prices import COSTS, PRICES, TAX_IDS, PriceForm, percent
from mockserver.vendors.merchantpro.goods.records import BASIC, variants_of

FIELDS = (
    "id", "type", "sku", "ean", "ext_ref", "name", "description", "stock", "stock_reserved",
    "allow_backorders", "inventory_enabled", *PRICES, "cost_net", "cost_gross", "tax_id", "tax_name",
    "tax_value", "quantity_multiplier", "weight", "category_id", "category_name", "categories", "status",
    "visibility", "url", "variant_attributes", "variants", "image_url", "images", "date_created",
    "date_modified",
)  # fmt: skip
INCLUDED = ("images", "variants")
IF_CHOSEN = ("date_created", "date_modified")
DEFAULT_VAT = Decimal("0.19")
BUCHAREST = timezone(timedelta(hours=2))  # recorded answers have this offset; the mock knows no summer time
Item = tuple[Record, Record]  # what belongs to a variant, and its record in the inventory


@dataclass(frozen=True)
class Choice:
    """The fields that a call asks for: all in `names`, in the order of the vendor. Prices have a form."""

    names: tuple[str, ...]
    price: PriceForm

    @classmethod
    def of(cls, query: Mapping[str, Any], price: PriceForm, *always: str) -> "Choice":
        """Return the fields that a query chooses, or the default ones, `include` and `always`."""
        if fields := query.get("fields"):
            return cls(tuple(name for name in FIELDS if name in fields), price)
        included = (*query.get("include", ()), *always)
        hidden = {*IF_CHOSEN, *(name for name in INCLUDED if name not in included)}
        return cls(tuple(name for name in FIELDS if name not in hidden), price)


def product_body(call: Call, product: Record, choice: Choice) -> Record | None:
    """Return a product as JSON, or None if it is a basic product whose item is gone."""
    items = items_of(call, product)
    if product["type"] == BASIC:
        if not items:
            return None
        values = _basic_values(product, items[0][1], choice.price)
    else:
        values = _parent_values(product, items, choice.price)
    values |= _costs(product, choice.price)
    body: dict[str, Any] = {}
    for name in choice.names:
        if name in values:
            body[name] = values[name]
        elif name in SHARED:
            body[name] = SHARED[name](product)
    return body


def items_of(call: Call, product: Record) -> list[Item]:
    """Return the items of a product that are still there."""
    records = call.records("inventory")
    if product["type"] == BASIC:
        item = records.get(str(product["id"]))
        return [] if item is None else [(product, item)]
    found = ((one, records.get(str(one["id"]))) for one in variants_of(call.catalog, product))
    return [(variant, item) for variant, item in found if item is not None]


def _basic_values(product: Record, item: Record, price: PriceForm) -> dict[str, Any]:
    return {
        **{name: item[name] for name in ("sku", "ean", "name", "inventory_enabled")},
        **_stock(item),
        **_prices(item, price),
        **_tax(item["vat"]),
        "weight": product["weight"],
    }


def _parent_values(product: Record, items: list[Item], price: PriceForm) -> dict[str, Any]:
    enabled = any(item["inventory_enabled"] == "on" for _, item in items)
    return {
        "sku": product["sku"],
        "name": product["name"],
        "inventory_enabled": "on" if enabled else "off",
        **_tax(items[0][1]["vat"] if items else DEFAULT_VAT),
        "variant_attributes": _attributes(variant for variant, _ in items),
        "variants": [_variant_body(variant, item, price) for variant, item in items],
    }


def _variant_body(variant: Record, item: Record, price: PriceForm) -> Record:
    return {
        "id": item["id"],
        "sku": item["sku"],
        "ext_ref": variant["ext_ref"],
        "ean": item["ean"],
        "inventory_enabled": item["inventory_enabled"],
        **_stock(item),
        **_prices(item, price),
        "weight": variant["weight"],
        "variant_options": variant["variant_options"],
    }


def _stock(item: Record) -> Record:
    """Return a dict with the stock, or an empty dict while the inventory function is off."""
    if item["inventory_enabled"] == "off":
        return {}
    warehouses = item.get("warehouses")
    return {"stock": sum(one["stock"] for one in warehouses) if warehouses else item["stock"]}


def _prices(item: Record, price: PriceForm) -> Record:
    return {name: price(item[name]) if name in item else None for name in PRICES}


def _costs(product: Record, price: PriceForm) -> Record:
    costs = {name: product[name] for name in COSTS}
    return {name: None if cost is None else price(cost) for name, cost in costs.items()}


def _tax(vat: Decimal) -> Record:
    value = percent(vat)
    return {"tax_id": TAX_IDS.get(vat), "tax_name": f"TVA {value.normalize():f}%", "tax_value": value}


def _attributes(variants: Iterable[Record]) -> list[Record]:
    """Return each attribute of the variants with the values that they have, in the order of the variants."""
    values: dict[str, dict[str, None]] = {}
    for variant in variants:
        for option in variant["variant_options"]:
            values.setdefault(option["attribute"], {})[option["value"]] = None
    return [{"name": name, "options": [{"value": one} for one in some]} for name, some in values.items()]


def images_of(product: Record) -> list[Record]:
    """Return the images of a product as JSON."""
    return [{"id": number, "url": url} for number, url in enumerate(product["images"], 1)]


def _image_url(product: Record) -> Record | None:
    """Return the first image in three sizes. The mock has one picture for all of them."""
    images = product["images"]
    return dict.fromkeys(("thumb", "medium", "large"), images[0]) if images else None


def _category_name(product: Record) -> str | None:
    names = {one["id"]: one["name"] for one in product["categories"]}
    name: str | None = names.get(product["category_id"])
    return name


def _stored(name: str) -> Callable[[Record], Any]:
    return lambda product: product[name]


@lru_cache(8192)
def local_time(moment: str) -> str:
    """Return a time of a record as the vendor writes it: 2026-01-31T14:05:00+02:00."""
    return moment_of(moment).isoformat(timespec="seconds")


@lru_cache(8192)
def moment_of(text: str) -> datetime:
    """Return a time of a record. A time that does not exist, which only the control API can set, is 1970."""
    try:
        return datetime.fromisoformat(text).astimezone(BUCHAREST)
    except (ValueError, OverflowError):
        return datetime.fromtimestamp(0, BUCHAREST)


def _time(name: str) -> Callable[[Record], str]:
    return lambda product: local_time(product[name])


# What a product has whether or not it has variants.
SHARED: Mapping[str, Callable[[Record], Any]] = {
    **{name: _stored(name) for name in (
        "id", "type", "ext_ref", "description", "stock_reserved", "allow_backorders", "quantity_multiplier",
        "category_id", "categories", "status", "visibility", "url",
    )},
    **{name: _time(name) for name in IF_CHOSEN},
    "category_name": _category_name,
    "image_url": _image_url,
    "images": images_of,
}  # fmt: skip
