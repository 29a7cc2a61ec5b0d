"""MerchantPro's writes of products: create, change and delete, with the items and variants of a product."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mockserver.vendor_api import Answer, Call, Problem, Record, iso_timestamp
from mockserver.vendors.merchantpro.goods.items import price_change, stock_change, total
from mockserver.vendors.merchantpro.goods.prices import (
    COSTS,
    PRICE_PAIRS,
    PRICES,
    RATES,
    PriceForm,
    cents,
    invalid,
    price_pair,
    rounded,
)
from mockserver.vendors.merchantpro.goods.product_body import DEFAULT_VAT, Choice, items_of, product_body
from mockserver.vendors.merchantpro.goods.records import (
    BASIC,
    added_product,
    item_ids,
    new_product_id,
    new_variant_id,
    variants_of,
)
from mockserver.vendors.merchantpro.known_fields import known_fields
from mockserver.vendors.merchantpro.product_fields import (
    KNOWN,
    OF_PRODUCTS,
    OF_VARIANTS,
    REFUSED_BY_PARENTS,
    UNCHANGEABLE,
    refuse_fields,
    refuse_read_only,
)

Fields = Mapping[str, Any]
QUICK_VARIANTS = 10  # more are written in a thread
OF_ITEM_ITSELF = ("sku", "ean", "inventory_enabled")


@dataclass(frozen=True)
class Owner:
    """The part of a product that rules its items: their VAT rate, and if their stock can be below zero."""

    vat: Decimal
    backorders: bool


def create_product(call: Call, price: PriceForm = cents) -> Answer:
    """Add a product with its items, and return it."""
    body = _body(call, price)
    kind, name = body.get("type", BASIC), body["name"]
    refuse_read_only(body, {"type": kind})
    new_id = new_product_id(call.records("products"), call.records("inventory"), kind)
    product = _write(call, added_product(new_id, kind, name, iso_timestamp(call.now)), body)
    return Answer(201, product_body(call, product, Choice.of(call.query, price, "variants")))


def update_product(call: Call, price: PriceForm = cents) -> Record:
    """Change a product and its items, and return it. If any part is refused, nothing changes."""
    product = call.records("products").get(call.path["id"])
    if product is None or (product["type"] == BASIC and not items_of(call, product)):
        raise Problem("not_found")
    body = _body(call, price)
    refuse_read_only(body, product_body(call, product, Choice(UNCHANGEABLE, price)) or {})
    changed = _write(call, {**product, "date_modified": iso_timestamp(call.now)}, body)
    result = product_body(call, changed, Choice.of(call.query, price, "variants"))
    assert result is not None
    return result


def delete_product(call: Call) -> Answer:
    product = call.records("products").get(call.path["id"])
    if product is None:
        raise Problem("not_found")
    remove_product(call, product)
    return Answer(204, None)


def remove_product(call: Call, product: Record) -> None:
    """Delete a product and its items."""
    items, keys = call.records("inventory"), map(str, item_ids(call.catalog, product))
    items.delete(*(key for key in keys if items.get(key) is not None))
    call.records("products").delete(str(product["id"]))


def is_slow(call: Call) -> bool:
    """Return True if a body has more variants than can be written at once."""
    return len(call.body.get("variants") or ()) > QUICK_VARIANTS


def _body(call: Call, price: PriceForm) -> dict[str, Any]:
    """Return the known fields of a body, with prices rounded as the client will see them. Raise Problem."""
    body = rounded(known_fields(call, KNOWN, "variants", OF_VARIANTS), price)
    if body.get("variants"):
        body["variants"] = [rounded(one, price) for one in body["variants"]]
    return body


def _write(call: Call, product: Record, body: Fields) -> Record:
    """Put a product with the changes of a body, and its items. Return the product."""
    write = _write_basic if product["type"] == BASIC else _write_parent
    changed = write(call, product, body)
    call.records("products").put(changed)
    return changed


def _write_basic(call: Call, product: Record, body: Fields) -> Record:
    for name in ("variants", "variant_attributes"):
        if body.get(name):
            raise invalid(name, "cannot be set on a basic product")
    found = items_of(call, product)
    old = found[0][1] if found else None
    changed, owner = _changed_product(product, body, old)
    given = {name: value for name, value in body.items() if name != "name"}
    _put_item(call, old or _new_item(product["id"], ""), given, owner, body.get("name"))
    return changed


def _write_parent(call: Call, product: Record, body: Fields) -> Record:
    refuse_fields(body, REFUSED_BY_PARENTS, "cannot be set on a product with variants")
    items = items_of(call, product)
    changed, owner = _changed_product(product, body, items[0][1] if items else None)
    changed["sku"] = body.get("sku", product["sku"])
    changed["name"] = body.get("name", product["name"])
    common = {name: body[name] for name in ("inventory_enabled",) if name in body}
    for _, item in items:
        _put_item(call, item, common, owner, _renamed(item["name"], product["name"], changed["name"]))
    if body.get("variants"):
        changed["variants"] = _put_variants(call, changed, body, owner)
    return changed


def _renamed(name: str, old: str | None, new: str) -> str:
    """Return a variant's name after its product was renamed: it ends with the product's name."""
    return name.removesuffix(old) + new if old and name.endswith(old) else name


def _changed_product(product: Record, body: Fields, item: Record | None) -> tuple[dict[str, Any], Owner]:
    """Return a product with the fields of a body that are its own, and what it says about its items."""
    vat = item["vat"] if item else DEFAULT_VAT
    if body.get("tax_id") is not None:
        if body["tax_id"] not in RATES:
            raise invalid("tax_id", "does not exist")
        vat = RATES[body["tax_id"]]
    changed = {**product, **{name: body[name] for name in OF_PRODUCTS if name in body}}
    changed |= _categories(product, body)
    if "images" in body:
        changed["images"] = [image["url"] for image in body["images"]]
    costs = {name: body[name] for name in COSTS if name in body}
    given = {name: amount for name, amount in costs.items() if amount is not None}
    if given:
        changed |= price_pair(1 + vat, given, *COSTS)
    elif costs:
        changed |= {"cost_net": None, "cost_gross": None}
    elif changed["cost_net"] is not None:
        changed["cost_gross"] = cents(changed["cost_net"] * (1 + vat))
    return changed, Owner(vat, changed["allow_backorders"])


def _categories(product: Record, body: Fields) -> Record:
    """Return the main category of a product and all its categories. The main one is among them."""
    main = body.get("category_id", product["category_id"])
    categories = [{"id": one["id"], "name": one.get("name")} for one in
                  body.get("categories", product["categories"])]  # fmt: skip
    mine = next((one for one in categories if one["id"] == main), None)
    if mine is None and main is not None:
        mine = {"id": main, "name": None}
        categories.insert(0, mine)
    if mine is not None and body.get("category_name") is not None:
        mine["name"] = body["category_name"]
    return {"category_id": main, "categories": categories}


def _put_variants(call: Call, product: Record, body: Fields, owner: Owner) -> list[Record]:
    """Change or add the variants of a body, and return all variants of a product.

    A variant with an id is changed, any other is added. Variants that the body does not list stay.
    """
    variants = {variant["id"]: variant for variant in variants_of(call.catalog, product)}
    for number, given in enumerate(body["variants"]):
        try:
            variant = _put_variant(call, product, variants, given, owner)
        except Problem as problem:
            fields = {f"variants.{number}.{name}": text for name, text in problem.fields.items()}
            raise Problem("invalid", fields=fields) from None
        variants[variant["id"]] = variant
    return list(variants.values())


def _put_variant(
    call: Call, product: Record, variants: Mapping[int, Record], given: Fields, owner: Owner
) -> Record:
    items = call.records("inventory")
    if given.get("id") is not None:
        variant, item = variants.get(given["id"]), items.get(str(given["id"]))
        if variant is None or item is None:
            raise invalid("id", "is not a variant of the product")
        name = None
    else:
        new_id = new_variant_id(product["id"], items)
        if new_id is None:
            raise invalid("id", "the product has as many variants as it can have")
        variant = {"id": new_id, "ext_ref": None, "weight": None, "variant_options": []}
        name = " ".join([*(one["value"] for one in _options(given)), product["name"]])
        item = _new_item(new_id, name)
    changed = {**variant, **{name: given[name] for name in ("ext_ref", "weight") if name in given}}
    if "variant_options" in given:
        changed["variant_options"] = _options(given)
    _put_item(call, item, given, owner, name)
    return changed


def _options(given: Fields) -> list[Record]:
    """Return the options of a variant. Clients call an attribute `attribute` or `name`."""
    options: list[Record] = []
    for option in given.get("variant_options", ()):
        attribute = option.get("attribute", option.get("name"))
        if attribute is None:
            raise invalid("variant_options", "must have an attribute and a value")
        options.append({"attribute": attribute, "value": option["value"]})
    return options


def _new_item(item_id: int, name: str) -> Record:
    zero = Decimal("0.00")
    return {
        "id": item_id, "sku": None, "ean": None, "name": name, "inventory_enabled": "off", "stock": 0,
        "price_net": zero, "price_gross": zero, "vat": DEFAULT_VAT,
    }  # fmt: skip


def _put_item(call: Call, old: Record, given: Fields, owner: Owner, name: str | None) -> None:
    """Put an item with the changes of a body. Its name stays if it is None."""
    items = call.records("inventory")
    item = {**old, **{field: given[field] for field in OF_ITEM_ITSELF if field in given}}
    if not item["sku"]:
        raise invalid("sku", "is required")
    for field in ("sku", "ean"):
        other = None if item[field] is None else items.find(field, item[field])
        if other is not None and other["id"] != item["id"]:
            raise invalid(field, "is already in use")
    item["name"] = item["name"] if name is None else name
    if not (item.get("warehouses") and given.get("stock") == total(item["warehouses"])):
        item |= stock_change(item, given, backorders=owner.backorders)
    item["vat"] = owner.vat
    priced = _with_prices(item, given, changed_vat=owner.vat != old["vat"])
    if priced != old:
        items.put(priced)


def _with_prices(item: Record, given: Fields, *, changed_vat: bool) -> Record:
    """Return an item with the prices of a body. Under another VAT rate, net prices stay the same."""
    changed = dict(item)
    sent = {name: given[name] for name in PRICES if name in given}
    for net, gross in PRICE_PAIRS:
        if changed_vat and net in changed:
            changed[gross] = cents(changed[net] * (1 + changed["vat"]))
        if all(sent[name] is None for name in (net, gross) if name in sent) and {net, gross} & sent.keys():
            changed.pop(net, None)
            changed.pop(gross, None)
    return {
        **changed,
        **price_change(changed, {n: amount for n, amount in sent.items() if amount is not None}),
    }
