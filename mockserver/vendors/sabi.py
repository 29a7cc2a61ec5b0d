"""Sabi Trace: the products of a tenant, filtered and paged.

Source: the vendor's page "Retrieve Products". It names the filters without defining them; the
readings below follow public code that takes the same parameters, and are marked in the spec.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from operator import attrgetter
from typing import Any

from mockserver.vendor_api import (
    Answer,
    Call,
    Catalog,
    Collection,
    Problem,
    Record,
    Records,
    Vendor,
    Violation,
    bearer_header,
    bearer_token,
    iso_timestamp,
    numbered_from,
    require_accepted,
)

FIRST_ID = 1002  # the page's own product is 1001
FIRST_TYPE = 123
MAX_PAGE_SIZE = 100
LONG_QUERY = 1000
SHOWN = (
    "productId", "name", "description", "quantity", "costPrice", "sellingPrice", "currencyCode",
    "isActive", "businessId", "productTypeId", "stockLevel", "photoUrl",
)  # fmt: skip
ANSWERS: dict[str, tuple[int, str]] = {
    "bad_request": (400, "Incorrect or incomplete query parameters."),
    "invalid": (400, "Incorrect or incomplete query parameters."),
    "unauthenticated": (401, "Unauthorized"),
    "forbidden": (403, "The user does not have permission to view the product details."),
    "not_found": (404, "No products found based on the provided criteria."),
    "no_such_path": (404, "Not Found"),
    "method_not_allowed": (405, "Method Not Allowed"),
    "request_timeout": (408, "Request Timeout"),
    "too_large": (413, "Payload Too Large"),
    "rate_limited": (429, "Too Many Requests"),
}
CENT = Decimal("0.01")
DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
Test = Callable[[Record], bool]

# The page answers its own example, which picks one product, with the totals of the whole list.
PAGE_EXAMPLE = {
    "productSearch": "apple", "productDateRange": ["2020-11-12", "2022-11-15"], "productLowStock": 10,
    "productQuantity": 50, "productByProductTypeIds": ["123", "124"], "productIds": ["1001", "1002"],
    "productActive": 1, "byStates": ["California"], "byCities": ["San Francisco"],
    "byBusinessIds": ["BIZ123"], "order": "ASC", "page": 1, "limit": 10,
}  # fmt: skip


def retrieve_products(call: Call) -> Record:
    """One page of what passes every filter; none at all is the page's 404."""
    products, query = call.records("products"), call.query
    number, limit = query["page"], min(query["limit"], MAX_PAGE_SIZE)
    found = _found(products, query)
    order = range(len(found)) if query["order"] == "ASC" else range(len(found))[::-1]
    shown = order[(number - 1) * limit : number * limit]
    if not shown:
        raise Problem("not_found")
    total = len(products) if query == PAGE_EXAMPLE else len(found)
    return {
        "products": [_shown(found[position]) for position in shown],
        "totalItems": total,
        "totalPages": -(-total // limit),
        "currentPage": number,
    }


def _found(products: Records, query: Mapping[str, Any]) -> Sequence[Record]:
    """The products that pass every filter, in ascending order of their ids."""
    tests = [make(query[name]) for name, make in FILTERS.items() if name in query]
    if "productIds" in query:
        places = {products.position(key) for key in query["productIds"]}
        named = [products.at(place) for place in sorted(place for place in places if place is not None)]
        return [product for product in named if _passes(product, tests)]
    return products.where(lambda product: _passes(product, tests)) if tests else products


def _passes(product: Record, tests: list[Test]) -> bool:
    return all(test(product) for test in tests)


def _search(text: str) -> Test:
    words = set(text.lower().replace(",", " ").split())

    def test(product: Record) -> bool:
        shown = f"{product['name']}\n{product['description']}".lower()
        return not words or any(word in shown for word in words)

    return test


def _registered(days: list[str]) -> Test:
    first, last = map(_day, days)
    if first > last:
        raise _incorrect("The first date must be lower than the second date.")
    return lambda product: first.isoformat() <= product["createdAt"][:10] <= last.isoformat()


def _day(text: str) -> date:
    """A day as YYYY-MM-DD; Python would read other forms of ISO 8601 too."""
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise _incorrect("productDateRange must be two dates, start_date,end_date")


def _one_of(field: str) -> Callable[[list[str]], Test]:
    def make(values: list[str]) -> Test:
        wanted = {value.casefold() for value in values}
        return lambda product: product[field].casefold() in wanted

    return make


FILTERS: dict[str, Callable[[Any], Test]] = {
    "productSearch": _search,
    "productDateRange": _registered,
    "productLowStock": lambda most: lambda product: product["quantity"] - product["reserved"] <= most,
    "productQuantity": lambda least: lambda product: product["quantity"] >= least,
    "productByProductTypeIds": _one_of("productTypeId"),
    "productActive": lambda active: lambda product: product["isActive"] == bool(active),
    "byStates": _one_of("state"),
    "byCities": _one_of("city"),
    "byBusinessIds": _one_of("businessId"),
}


def _incorrect(text: str) -> Problem:
    return Problem("invalid", fields={"": text})


def _shown(product: Record) -> Record:
    prices = {name: Decimal(product[name]).quantize(CENT) for name in ("costPrice", "sellingPrice")}
    return {name: product[name] for name in SHOWN} | prices


def to_record(catalog: Catalog, number: int) -> Record:
    """A variant as a product: Sabi has no variants. All of its stock is free."""
    product, variant = catalog.variant(number)
    quantity = variant.quantity
    return {
        "productId": str(FIRST_ID + number),
        "name": product.title(variant),
        "description": product.description,
        "quantity": quantity,
        "costPrice": (variant.price * Decimal("0.6")).quantize(CENT),
        "sellingPrice": variant.price,
        "currencyCode": "USD",
        "isActive": product.active,
        "businessId": f"BIZ{product.brand.upper()[:3]}",
        "productTypeId": str(FIRST_TYPE + product.kind_number),
        "stockLevel": "Low" if quantity <= 10 else "Medium" if quantity <= 100 else "High",
        "photoUrl": product.image,
        "reserved": 0,
        "state": product.state,
        "city": product.city,
        "createdAt": iso_timestamp(product.created),
    }


def id_numbers(catalog: Catalog, number: int) -> tuple[int]:
    return (FIRST_ID + number,)


def is_slow(call: Call) -> bool:
    """Filters that have to look at much, or that are many."""
    filtered = not FILTERS.keys().isdisjoint(call.query) and not call.records("products").search_is_fast
    return filtered or len(call.request.query) > LONG_QUERY


def render(problem: Problem, call: Call) -> Answer:
    status, usual = ANSWERS[problem.kind]
    errors = [*problem.fields.values(), *(_text(violation) for violation in problem.violations)]
    message = problem.message or usual
    return Answer(status, {"status": False, "statusCode": status, "message": message, "errors": errors})


def _text(violation: Violation) -> str:
    name, expected = violation.name, violation.expected
    match violation.rule:
        case "required":
            return f"{name} is required"
        case "minLength":
            return f"{name} should not be empty"
        case "minimum":
            return f"{name} must not be less than {expected}"
        case "enum":
            return f"{name} must be one of {', '.join(map(str, expected))}"
        case "minItems" | "maxItems":
            return f"{name} must be two dates, start_date,end_date"
        case "type":
            return f"{name} must be of type {expected}"
    return f"{name} is not valid"


vendor = Vendor(
    name="sabi",
    title="Sabi Trace",
    credential=bearer_token,
    authenticate=require_accepted,
    operations={"retrieve-products": retrieve_products},
    render=render,
    collections=(
        Collection("products", key="productId", count=attrgetter("variant_count"), make=to_record,
                   locate=numbered_from(FIRST_ID),
                   id_formats={"productId": "%d"}, id_numbers=id_numbers),
    ),
    sample="/api/v1/products?limit=10",
    auth_headers=lambda credential: {
        **bearer_header(credential), "tenantId": "TEN123", "userId": "USR456", "countryCode": "US"
    },
    slow={"retrieve-products": is_slow},
)  # fmt: skip
