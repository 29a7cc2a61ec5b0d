"""Products of version 2022-01: the list and its cursor, their number, one product.

Source: the vendor's pages "Product List", "Product Total Count", "Product Details" and "Delete Product", and
its API description of version 2022-01.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Callable, Mapping
from typing import Any

from mockserver.vendor_api import Call, Place, Problem, Ranked, Record
from mockserver.vendors.shoplazza.goods.product import Goods, product_in, variant_title
from mockserver.vendors.shoplazza.goods.records import created_rank
from mockserver.vendors.shoplazza.goods.times import parse_time
from mockserver.vendors.shoplazza.goods.uuids import parse_uuid

MAX_QUICK_PAGE = 5  # products
RANGES = ("created_at", "updated_at", "published_at")
TIMES = tuple(f"{name}_{end}" for name in RANGES for end in ("min", "max"))
FILTERS = ("ids", "title", "collection_id", *TIMES, "published_status", "spus")
CURSOR = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)#([0-9a-f-]{36})", re.ASCII)
NOT_SHOWN = ("images", "options", "collections")  # or not as they are stored
Test = Callable[[Record], bool]


def list_products(call: Call) -> Record:
    """Return a page of products, the newest first, with the cursors of the pages after and before it."""
    products, query = _listed(call), call.query
    most = query["per_page"]
    if "pre_cursor" in query and "cursor" not in query:
        page = products.before(_place(products, "pre_cursor", query["pre_cursor"]), most)
    else:
        start = _place(products, "cursor", query["cursor"]) if "cursor" in query else None
        page = products.after(start, most)
    bodies = [product_body(goods) for one in page if (goods := Goods.with_id(call, one["id"]))]
    return {
        "cursor": _cursor(page[-1]) if page and products.after(products.place_of(page[-1]), 1) else "",
        "pre_cursor": _cursor(page[0]) if page and products.before(products.place_of(page[0]), 1) else "",
        "products": [_chosen(body, query.get("fields")) for body in bodies],
    }


def count_products(call: Call) -> Record:
    """Return the number of products that pass the filters."""
    return {"count": len(_listed(call))}


def get_product(call: Call) -> Record:
    """Return a product."""
    return {"product": product_body(product_in(call))}


def delete_product(call: Call) -> Record:
    remove_product(call, product_in(call).stock)
    return {}


def remove_product(call: Call, stock: Record) -> None:
    """Delete a product with its variants and its stock."""
    variants = call.records("variants")
    keys = (one["variant_id"] for one in stock["variants"])
    variants.delete(*(key for key in keys if variants.get(key) is not None))
    for collection in ("product_details", "products"):
        call.records(collection).delete(stock["product_id"])


def list_is_slow(call: Call) -> bool:
    """Return True for large pages, and for filters, which read the products of a whole period."""
    query = call.query
    large = query.get("per_page", 1) > MAX_QUICK_PAGE or not query.keys().isdisjoint(FILTERS)
    return large or not Ranked(call.records("product_details")).is_fast


def _listed(call: Call) -> Ranked:
    """Return the products that pass the filters of a query, the newest first. Raise Problem."""
    query, tests = call.query, _tests(call.query)
    only = {_uuid("ids", text) for text in query["ids"]} if "ids" in query else None

    def passes(product: Record) -> bool:
        return all(test(product) for test in tests)

    return Ranked(
        call.records("product_details"),
        passes if tests else None,
        hidden=call.records("products").deleted_keys(),
        only=only,
    )


def _tests(query: Mapping[str, Any]) -> list[Test]:
    tests = [_between(name, query) for name in RANGES if f"{name}_min" in query or f"{name}_max" in query]
    if title := query.get("title", "").lower():
        tests.append(lambda product: title in product["title"].lower())
    if (status := query.get("published_status", "any")) != "any":
        tests.append(lambda product: product["published"] == (status == "published"))
    if "collection_id" in query:
        collection = _uuid("collect_id", query["collection_id"])
        tests.append(lambda product: collection in product["collections"])
    if spus := query.get("spus"):
        tests.append(lambda product: product["spu"] in spus)
    return tests


def _between(name: str, query: Mapping[str, Any]) -> Test:
    """Return a test: a time of a product is in a range, both ends included."""
    first = _time(f"{name}_min", query)
    last = _time(f"{name}_max", query)

    def passes(product: Record) -> bool:
        moment = product[name]
        return moment is not None and (first or moment) <= moment <= (last or moment)

    return passes


def _time(name: str, query: Mapping[str, Any]) -> str | None:
    """Return a time of the query as the records have it, or None if there is none. Raise Problem."""
    if name not in query:
        return None
    moment = parse_time(query[name])
    if moment is None:
        raise _invalid(name)
    return moment


def _uuid(name: str, text: str) -> str:
    try:
        return parse_uuid(text)
    except Problem:
        raise Problem("invalid", f"{name} has an invalid UUID") from None


def _place(products: Ranked, name: str, cursor: str) -> Place:
    """Return the place that a cursor stands for. Raise Problem."""
    try:
        text = b64decode(cursor, validate=True).decode("ascii")
    except (Error, ValueError):
        raise _invalid(name) from None
    if not (found := CURSOR.fullmatch(text)):
        raise _invalid(name)
    return products.place(created_rank({"created_at": found[1]}), found[2])


def _cursor(product: Record) -> str:
    """Return the cursor of a product: its time of creation and its id."""
    return b64encode(f"{product['created_at']}#{product['id']}".encode()).decode()


def _invalid(name: str) -> Problem:
    return Problem("invalid", fields={name: "is invalid"})


def _chosen(body: Record, fields: list[str] | None) -> Record:
    return {name: value for name, value in body.items() if name in fields} if fields else body


def product_body(goods: Goods) -> Record:
    """Return a product as version 2022-01 shows it."""
    details, variants = goods.details, goods.variants()
    images = details["images"]
    kept = {name: value for name, value in details.items() if name not in NOT_SHOWN}
    body = {}
    for name, value in kept.items():
        body[name] = value
        if name == "vendor_url":
            body["inventory_quantity"] = sum(goods.quantity(variant["id"]) for variant in variants)
        if name == "handle":
            body["has_only_default_variant"] = not details["options"]
    body["image"] = _main_image(images)
    body["images"] = [_image(details, image, number) for number, image in enumerate(images, 1)]
    body["options"] = [
        {"id": option["id"], "product_id": goods.id, "position": number, "name": option["name"],
         "values": [*dict.fromkeys(variant[f"option{number}"] for variant in variants)]}
        for number, option in enumerate(details["options"], 1)
    ]  # fmt: skip
    body["variants"] = [_variant(goods, variant) for variant in variants]
    return body


def _main_image(images: list[Record]) -> Record | None:
    if not images:
        return None
    shown = {name: images[0][name] for name in ("src", "width", "height", "alt")}
    return {**shown, "path": shown["src"].rpartition("/")[2]}


def _image(details: Record, image: Record, position: int) -> Record:
    shown = {name: image[name] for name in ("src", "width", "height", "alt")}
    times = {name: details["created_at"] for name in ("created_at", "updated_at")}
    return {"id": image["id"], "product_id": details["id"], "position": str(position), **shown, **times}


def _variant(goods: Goods, variant: Record) -> Record:
    """Return a variant as it is shown in its product."""
    key = variant["id"]
    first = {name: variant[name] for name in ("id", "product_id", "image_id", "created_at", "updated_at")}
    options = {name: variant[name] for name in ("option1", "option2", "option3", "image")}
    prices = {name: variant[name] for name in ("compare_at_price", "price", "sku", "barcode", "note")}
    last = {name: variant[name] for name in ("weight", "weight_unit", "cost_price")}
    return {
        **first, "title": variant_title(variant), **options, "position": goods.position(key), **prices,
        "inventory_quantity": goods.quantity(key), **last,
    }  # fmt: skip
