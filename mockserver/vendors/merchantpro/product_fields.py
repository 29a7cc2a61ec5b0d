"""The fields of a product that clients may write at MerchantPro."""

from collections.abc import Iterable, Mapping
from typing import Any

from mockserver.vendor_api import Problem

OF_ITEMS = (
    "sku", "ean", "inventory_enabled", "stock", "price_net", "price_gross", "old_price_net",
    "old_price_gross",
)  # fmt: skip
# Fields that follow from others. Clients send back what they have read, so the mock accepts and ignores them.
DERIVED = ("tax_name", "tax_value", "variant_attributes")
OF_PRODUCTS = (
    "ext_ref", "description", "stock_reserved", "allow_backorders", "cost_net", "cost_gross",
    "quantity_multiplier", "weight", "category_id", "categories", "status", "visibility",
)  # fmt: skip
WRITABLE = (
    *OF_ITEMS,
    *OF_PRODUCTS,
    "type",
    "name",
    "tax_id",
    "category_name",
    "images",
    "variants",
    *DERIVED,
)
READ_ONLY_IN_PRODUCTS = ("id", "url", "image_url", "date_created", "date_modified")
KNOWN = (*WRITABLE, *READ_ONLY_IN_PRODUCTS)
UNCHANGEABLE = (*READ_ONLY_IN_PRODUCTS, "type")
OF_VARIANTS = (*OF_ITEMS, "id", "ext_ref", "weight", "variant_options")
REFUSED_BY_PARENTS = (
    "stock", "price_net", "price_gross", "old_price_net", "old_price_gross", "weight", "ean",
)  # fmt: skip


def refuse_fields(body: Mapping[str, Any], names: Iterable[str], text: str) -> None:
    """Raise Problem if a body has one of these fields. Say the same of each of them."""
    if wrong := {name: text for name in names if name in body}:
        raise Problem("invalid", fields=wrong)


def refuse_read_only(body: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
    """Raise Problem if a body changes what cannot be changed. A client may send back what it was shown."""
    same = {name for name in UNCHANGEABLE if body.get(name) == shown.get(name)}
    refuse_fields(body, [name for name in UNCHANGEABLE if name not in same], "cannot be changed")
