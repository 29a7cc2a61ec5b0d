"""Sabi Trace: the products of a tenant, filtered and paged.

Source: the vendor's page "Retrieve Products". The page lists the filters, but does not say what they do. We
follow public code that uses the same parameters. The spec says what each filter does here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from operator import attrgetter
from typing import Any
from urllib.parse import urlencode

from mockserver.vendor_api import (
    Answer,
    Call,
    Catalog,
    Collection,
    Item,
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

FIRST_ID = 1002  # id 1001 is the example on the vendor's page
FIRST_TYPE = 123
MAX_PAGE_SIZE = 100
LONG_QUERY = 1000  # characters; a longer query is handled in a thread
FIELDS = (
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
Filter = Callable[[Record], bool]

# The vendor's page shows this request. Only one product matches it. Yet in the answer on the page, the totals
# count all products.
PAGE_EXAMPLE = {
    "productSearch": "apple", "productDateRange": ["2020-11-12", "2022-11-15"], "productLowStock": 10,
    "productQuantity": 50, "productByProductTypeIds": ["123", "124"], "productIds": ["1001", "1002"],
    "productActive": 1, "byStates": ["California"], "byCities": ["San Francisco"],
    "byBusinessIds": ["BIZ123"], "order": "ASC", "page": 1, "limit": 10,
}  # fmt: skip


def retrieve_products(call: Call) -> Record:
    """Return one page of the products that pass every filter. As documented, an empty page is a 404."""
    products, query = call.records("products"), call.query
    page, limit = query["page"], min(query["limit"], MAX_PAGE_SIZE)
    matching = _matching(products, query)
    order = range(len(matching)) if query["order"] == "ASC" else range(len(matching))[::-1]
    positions = order[(page - 1) * limit : page * limit]
    if not positions:
        raise Problem("not_found")
    total = len(products) if query == PAGE_EXAMPLE else len(matching)
    return {
        "products": [_body(matching[position]) for position in positions],
        "totalItems": total,
        "totalPages": -(-total // limit),
        "currentPage": page,
    }


def _matching(products: Records, query: Mapping[str, Any]) -> Sequence[Record]:
    """Return the products that pass every filter, in ascending order of their ids."""
    filters = [make(query[name]) for name, make in FILTERS.items() if name in query]
    if "productIds" in query:
        positions = {products.position(key) for key in query["productIds"]}
        chosen = [products.at(one) for one in sorted(one for one in positions if one is not None)]
        return [product for product in chosen if _passes(product, filters)]
    return products.where(lambda product: _passes(product, filters)) if filters else products


def _passes(product: Record, filters: list[Filter]) -> bool:
    return all(passes(product) for passes in filters)


def _contains_any_word(text: str) -> Filter:
    words = set(text.lower().replace(",", " ").split())

    def passes(product: Record) -> bool:
        searched = f"{product['name']}\n{product['description']}".lower()
        return not words or any(word in searched for word in words)

    return passes


def _registered_between(days: list[str]) -> Filter:
    first, last = map(_day, days)
    if first > last:
        raise _invalid("The first date must be lower than the second date.")
    return lambda product: first.isoformat() <= product["createdAt"][:10] <= last.isoformat()


def _day(text: str) -> date:
    """Parse a date in the form YYYY-MM-DD. Refuse other forms of ISO 8601, which Python would accept."""
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise _invalid("productDateRange must be two dates, start_date,end_date")


def _one_of(field: str) -> Callable[[list[str]], Filter]:
    def make(values: list[str]) -> Filter:
        allowed = {value.casefold() for value in values}
        return lambda product: product[field].casefold() in allowed

    return make


FILTERS: dict[str, Callable[[Any], Filter]] = {
    "productSearch": _contains_any_word,
    "productDateRange": _registered_between,
    "productLowStock": lambda threshold: (
        lambda product: product["quantity"] - product["reserved"] <= threshold
    ),
    "productQuantity": lambda minimum: lambda product: product["quantity"] >= minimum,
    "productByProductTypeIds": _one_of("productTypeId"),
    "productActive": lambda active: lambda product: product["isActive"] == bool(active),
    "byStates": _one_of("state"),
    "byCities": _one_of("city"),
    "byBusinessIds": _one_of("businessId"),
}


def _invalid(text: str) -> Problem:
    return Problem("invalid", fields={"": text})


def _body(product: Record) -> Record:
    prices = {name: Decimal(product[name]).quantize(CENT) for name in ("costPrice", "sellingPrice")}
    return {name: product[name] for name in FIELDS} | prices


def to_record(catalog: Catalog, number: int) -> Record:
    """Return a variant as a product, because Sabi has no variants. None of its stock is reserved."""
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


def items(record: Record) -> list[Item]:
    key = record["productId"]
    path = f"/api/v1/products?{urlencode({'productIds': key})}"
    return [
        Item(key, {"productId": key}, path, record["name"], record["quantity"], (record["sellingPrice"],))
    ]


def id_numbers(catalog: Catalog, number: int) -> tuple[int]:
    return (FIRST_ID + number,)


def is_slow(call: Call) -> bool:
    """Return True for filters that have to scan many records, and for a long query."""
    filtered = not FILTERS.keys().isdisjoint(call.query) and not call.records("products").search_is_fast
    return filtered or len(call.request.query) > LONG_QUERY


def render(problem: Problem, call: Call) -> Answer:
    status, default = ANSWERS[problem.kind]
    errors = [*problem.fields.values(), *(_text(violation) for violation in problem.violations)]
    message = problem.message or default
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
                   items=items, id_formats={"productId": "%d"}, id_numbers=id_numbers),
    ),
    sample="/api/v1/products?limit=10",
    auth_headers=lambda credential: {
        **bearer_header(credential), "tenantId": "TEN123", "userId": "USR456", "countryCode": "US"
    },
    slow={"retrieve-products": is_slow},
)  # fmt: skip
