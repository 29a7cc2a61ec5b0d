"""MerchantPro's list of products, one product, and the images of a product."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from mockserver.vendor_api import Call, Problem, Record
from mockserver.vendors.merchantpro.goods.prices import PriceForm, cents, invalid
from mockserver.vendors.merchantpro.goods.product_body import (
    Choice,
    images_of,
    local_time,
    moment_of,
    product_body,
)
from mockserver.vendors.merchantpro.goods.records import product_id_of_item
from mockserver.vendors.merchantpro.refusals import NO_DATE

PATH = "/api/v2/products"
QUICK_PAGE = 20  # products; a longer page is handled in a thread
MAX_QUICK_CHANGES = 1000  # changed products; to look for a SKU among more takes a thread
EQUAL = ("status", "type", "visibility", "category_id", "ext_ref")
RANGES: dict[str, Callable[[str, str], bool]] = {
    "gt": lambda day, bound: day > bound,
    "gte": lambda day, bound: day >= bound,
    "lt": lambda day, bound: day < bound,
    "lte": lambda day, bound: day <= bound,
}
DATES = {"created": "date_created", "modified": "date_modified"}
Predicate = Callable[[Record], bool]


def list_products(call: Call, price: PriceForm = cents) -> Record:
    """Return one page of the products that pass all filters."""
    start, limit, found = call.query["start"], call.query["limit"], _matching(call)
    choice, total = Choice.of(call.query, price), len(found)
    bodies = (product_body(call, product, choice) for product in found[start : start + limit])
    data = [body for body in bodies if body is not None]
    shown = min(limit, max(total - start, 0))
    following = _next(call.request.query, start, limit) if start + limit < total else None
    return {
        "data": data,
        "meta": {
            "count": {"total": total, "start": start, "limit": shown, "current": len(data)},
            "links": {"next": following},
        },
    }


def get_product(call: Call, price: PriceForm = cents) -> Record:
    """Return one product, with its variants if it has some."""
    body = product_body(call, product_at(call), Choice.of(call.query, price, "variants"))
    if body is None:
        raise Problem("not_found")
    return body


def get_images(call: Call) -> list[Record]:
    """Return the images of a product, without an envelope."""
    return images_of(product_at(call))


def product_at(call: Call) -> Record:
    """Return the product that the path identifies. Raise Problem if there is none."""
    product = call.records("products").get(call.path["id"])
    if product is None:
        raise Problem("not_found")
    return product


def _matching(call: Call) -> Sequence[Record]:
    products, query = call.records("products"), call.query
    tests = _tests(query)

    def passes(product: Record) -> bool:
        return all(test(product) for test in tests)

    field, _, direction = query.get("sort", "date_created.asc").partition(".")
    key, descending = partial(_time, field), direction == "desc"
    if "sku" in query:
        return sorted(filter(passes, _with_sku(call, query["sku"])), key=key, reverse=descending)
    if "sort" in query:
        return products.in_order(key, passes, descending=descending)
    return products.where(passes) if tests else products


def _tests(query: dict[str, Any] | Any) -> list[Predicate]:
    """Return a test for each filter of a query. Raise Problem if a date is not one."""
    tests = [_equals(name, query[name]) for name in EQUAL if name in query]
    for name, field in DATES.items():
        for word, compare in RANGES.items():
            if bound := query.get(f"{name}[{word}]"):
                tests.append(_in_range(field, compare, _checked_day(f"{name}[{word}]", bound)))
    return tests


def _equals(name: str, value: Any) -> Predicate:
    return lambda product: bool(product[name] == value)


def _in_range(field: str, compare: Callable[[str, str], bool], bound: str) -> Predicate:
    return lambda product: compare(local_time(product[field])[:10], bound)


def _checked_day(name: str, text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise invalid(name, NO_DATE) from None
    return text


def _with_sku(call: Call, sku: str) -> list[Record]:
    """Return the products that have a SKU, or a variant with it."""
    products, item = call.records("products"), call.records("inventory").find("sku", sku)
    owner = products.get(str(product_id_of_item(call.catalog, item["id"]))) if item else None
    changed = (one for _, one in products.changed_generated() if one)
    named = [one for some in (changed, products.added()) for one in some if one["sku"] == sku]
    found = {one["id"]: one for one in (owner, *named) if one}
    return list(found.values())


def _time(field: str, product: Record) -> datetime:
    return moment_of(product[field])


def _next(query: str, start: int, limit: int) -> str:
    """Return path and query of the next page. All other parameters are kept as they were sent."""
    pairs = [pair for pair in query.split("&") if pair]
    kept = [pair for pair in pairs if unquote_plus(pair.partition("=")[0]) not in ("start", "limit")]
    return "&".join((f"{PATH}?start={start + limit}&limit={limit}", *kept))


def is_slow(call: Call) -> bool:
    """Return True for a long page, and for a filter or an order that has to read many products."""
    query, products = call.query, call.records("products")
    if query["limit"] > QUICK_PAGE:
        return True
    if not query.keys() <= {"start", "limit", "fields", "include", "sku"}:
        return not products.search_is_fast
    return "sku" in query and products.changed_count > MAX_QUICK_CHANGES
