"""HighLevel (LeadConnector, resold as Leadway): the inventory list of a location.

Sources: the reseller's page "List Inventory", the official API description, and answers recorded by clients.
The platform is built with NestJS. So error messages come from NestJS and class-validator, and one answer
lists all violations of the query.
"""

import re
from collections.abc import Sequence
from operator import attrgetter
from urllib.parse import urlencode
from uuid import UUID

from mockserver.vendor_api import (
    OBJECT_ID_SUFFIX,
    SKU_SUFFIX,
    Answer,
    Call,
    Catalog,
    Collection,
    Item,
    Problem,
    Record,
    Request,
    Vendor,
    Violation,
    Window,
    bearer_header,
    bearer_token,
    iso_timestamp,
)

LOCATION = "6578278e879ad2646715ba9c"  # any location can be read
LONG_PAGE = 500  # records; a longer page is handled in a thread
VERSIONS = ("2021-07-28", "2021-04-15", "2023-02-21", "v3")
JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*")
BURST, DAILY = Window("burst", seconds=10, most=100), Window("daily", seconds=86_400, most=200_000)
ANSWERS: dict[str, tuple[int, str | None]] = {
    "bad_request": (400, "Bad Request"),
    "unauthenticated": (401, None),
    "forbidden": (403, None),
    "request_timeout": (408, "Request Timeout"),
    "too_large": (413, "Payload Too Large"),
    "rate_limited": (429, "Too Many Requests"),
}


def authenticate(call: Call) -> None:
    """Check the `Version` header, then the credential, in the same order as the live API."""
    version = call.request.headers.get("version")
    if version is None:
        raise Problem("unauthenticated", "version header was not found.")
    if version not in VERSIONS:
        raise Problem("unauthenticated", "version header is invalid")
    match call.credential.status:
        case "missing":
            raise Problem("unauthenticated", "No Authorization header found for authentication!")
        case "denied":
            raise Problem("unauthenticated", "The token is not authorized for this scope.")
        case "unknown":
            raise Problem("unauthenticated", _unknown_token(call.credential.text or ""))


def _unknown_token(token: str) -> str:
    if token.startswith("pit-"):
        return "Invalid Private Integration token"
    return "Invalid token: access token is invalid" if JWT.fullmatch(token) else "Invalid JWT"


def list_inventory(call: Call) -> Record:
    """Return one page of the items that match the search. A `limit` of 0 means no limit, as in MongoDB."""
    _check_location(call)
    items, offset, limit = call.records("inventory"), call.query["offset"], call.query["limit"]
    matching: Sequence[Record] = items
    if text := call.query.get("search", "").lower():
        matching = items.where(lambda item: _name_contains(item, text), id_contains=("sku", text))
    page = matching[offset : offset + limit] if limit else matching[offset:]
    return {"inventory": page, "total": {"total": len(matching)}}


def _check_location(call: Call) -> None:
    location = call.records("locations").get(call.query["altId"])
    if location and not location["accessible"]:
        raise Problem("forbidden", "The token does not have access to this location.")
    if location and not location["active"]:
        raise Problem("unauthenticated", "Location is not active")


def _name_contains(item: Record, text: str) -> bool:
    return any(text in item.get(field, "").lower() for field in ("name", "productName"))


def to_record(catalog: Catalog, number: int) -> Record:
    """Return a variant as an inventory item. Its `_id` is documented as the id of a price."""
    product, variant = catalog.variant(number)
    return {
        "_id": variant.object_id,
        "name": product.short_title(variant),
        "availableQuantity": variant.quantity,
        "sku": variant.sku,
        "allowOutOfStockPurchases": variant.backorder,
        "product": product.object_id,
        "updatedAt": iso_timestamp(product.updated),
        "image": product.image,
        "productName": product.name,
    }


def items(record: Record) -> list[Item]:
    ids = {name: record[name] for name in ("_id", "sku", "product") if name in record}
    query = urlencode(
        {"altId": LOCATION, "altType": "location", "search": record.get("sku") or record["name"]}
    )
    path, stock = f"/products/inventory?{query}", record["availableQuantity"]
    return [Item(record["_id"], ids, path, record["name"], stock)]


def id_numbers(catalog: Catalog, number: int) -> tuple[int, int, int]:
    return number, number + 1, catalog.product_of(number)


def render(problem: Problem, call: Call) -> Answer:
    if problem.kind == "invalid":
        return _unprocessable(problem, call)
    if problem.kind in ("not_found", "no_such_path", "method_not_allowed"):
        return _no_route(problem, call.request)
    status, default = ANSWERS[problem.kind]
    body: dict[str, object] = {"statusCode": status, "message": problem.message or default}
    if problem.message == "Invalid token: access token is invalid":
        body["error"] = "Unauthorized"  # only this 401 has an `error` in the official description
    return Answer(status, body)


def _no_route(problem: Problem, request: Request) -> Answer:
    status, error = (
        (405, "Method Not Allowed") if problem.kind == "method_not_allowed" else (404, "Not Found")
    )
    message = f"Cannot {request.method} {request.target}"
    return Answer(status, {"message": message, "error": error, "statusCode": status})


def _unprocessable(problem: Problem, call: Call) -> Answer:
    """Return the 422 answer. Like NestJS, list undeclared properties first, then all other violations."""
    ordered = sorted(problem.violations, key=lambda violation: violation.rule != "undeclared")
    return Answer(422, {
        "message": [text for violation in ordered for text in _texts(violation)],
        "error": "Unprocessable Entity",
        "statusCode": 422,
        "traceId": str(UUID(bytes=call.random_bytes("traceId")[:16], version=4)),
    })  # fmt: skip


def _texts(violation: Violation) -> list[str]:
    """Return class-validator's messages for one property."""
    name = violation.name
    if violation.rule == "undeclared":
        return [f"property {name} should not exist"]
    if name == "altType":
        empty = [f"{name} should not be empty"] if violation.value == "" else []
        return [f"{name} must be a valid enum value", *empty]
    if name in ("limit", "offset"):
        return [_number_text(violation)]
    texts = {
        "required": [f"{name} must be a string", f"{name} should not be empty"],
        "minLength": [f"{name} should not be empty"],
    }
    return texts.get(violation.rule, [f"{name} must be a string"])


def _number_text(violation: Violation) -> str:
    match violation.rule:
        case "minimum":
            return f"{violation.name} must not be less than {violation.expected}"
        case "multipleOf":
            return f"{violation.name} must be an integer number"
    return f"{violation.name} must be a number conforming to the specified constraints"


def is_slow(call: Call) -> bool:
    """Return True for a search that has to scan many records, and for a long page."""
    limit, search = call.query["limit"], "search" in call.query
    if 0 < limit <= LONG_PAGE and not search:
        return False
    items = call.records("inventory")
    return (search and not items.search_is_fast) or min(limit or len(items), len(items)) > LONG_PAGE


def common_headers(call: Call) -> dict[str, str]:
    """Return the rate limit headers.

    `X-RateLimit-Daily-Reset` is the time until the reset in milliseconds, as the official SDK expects.
    """
    if not call.quota.statuses:
        return {}
    burst, daily = (call.quota.statuses[limit.name] for limit in (BURST, DAILY))
    return {
        "X-RateLimit-Limit-Daily": str(daily.most),
        "X-RateLimit-Daily-Remaining": str(daily.remaining),
        "X-RateLimit-Daily-Reset": str(-(-daily.reset_after // 1000)),
        "X-RateLimit-Interval-Milliseconds": str(BURST.seconds * 1000),
        "X-RateLimit-Max": str(burst.most),
        "X-RateLimit-Remaining": str(burst.remaining),
    }


vendor = Vendor(
    name="highlevel",
    title="HighLevel",
    credential=bearer_token,
    authenticate=authenticate,
    operations={"get-list-inventory": list_inventory},
    render=render,
    common_headers=common_headers,
    limits=(BURST, DAILY),
    collections=(
        Collection("inventory", key="_id", count=attrgetter("variant_count"), make=to_record,
                   locate=lambda catalog, key: catalog.variant_with_object_id(key),
                   items=items, id_numbers=id_numbers,
                   id_formats={"_id": OBJECT_ID_SUFFIX, "sku": SKU_SUFFIX, "product": OBJECT_ID_SUFFIX},
                   id_search={"sku": lambda catalog, text: catalog.variants_with_sku_part(text)}),
        Collection("locations", key="_id"),
    ),
    sample=f"/products/inventory?altId={LOCATION}&limit=1",
    auth_headers=lambda credential: {**bearer_header(credential), "Version": VERSIONS[0]},
    content_type="application/json; charset=utf-8",
    slow={"get-list-inventory": is_slow},
)  # fmt: skip
