"""The list of products: filtered and paged.

The page lists the filters, but does not say what they do. We follow public code that uses the same
parameters. The spec says what each filter does here.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from mockserver.vendor_api import Call, Problem, Record, Records
from mockserver.vendors.sabi.records import prices_of

MAX_PAGE_SIZE = 100
LONG_QUERY = 1000  # characters; a longer query is handled in a thread
FIELDS = (
    "productId", "name", "description", "quantity", "costPrice", "sellingPrice", "currencyCode",
    "isActive", "businessId", "productTypeId", "stockLevel", "photoUrl",
)  # fmt: skip
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
    return {name: product[name] for name in FIELDS} | prices_of(product)


def is_slow(call: Call) -> bool:
    """Return True for filters that have to scan many records, and for a long query."""
    filtered = not FILTERS.keys().isdisjoint(call.query) and not call.records("products").search_is_fast
    return filtered or len(call.request.query) > LONG_QUERY
