"""Shoplazza 2022-01: the stock of a product at its locations.

Source: the vendor's page "Get Product Inventory Detail". The platform is written in Go. It answers a
malformed id with status 500 and the error text of its UUID parser, https://github.com/google/uuid.
"""

from base64 import urlsafe_b64encode
from operator import attrgetter
from uuid import UUID

from mockserver.vendor_api import (
    Answer,
    Call,
    Catalog,
    Collection,
    Credential,
    Item,
    LeakyBucket,
    Problem,
    Record,
    Request,
    Variant,
    Vendor,
    memoized,
    require_accepted,
)

DEFAULT_RETRY_AFTER = 500_000  # microseconds; the bucket "app" leaks one call in this time
DASHES = (8, 13, 18, 23)  # indexes of the dashes in a UUID
ESCAPES = {  # the short escapes of Go's %q
    "\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v",
    "\\": r"\\", '"': r"\"",
}  # fmt: skip
ANSWERS: dict[str, tuple[int, str, str]] = {
    "bad_request": (400, "errors", "Bad Request"),
    "invalid": (400, "errors", "Bad Request"),
    "unauthenticated": (401, "error", "Unauthorized"),
    "forbidden": (403, "error", "Forbidden"),
    "not_found": (404, "errors", "Record not found"),
    "no_such_path": (404, "errors", "Not found"),
    "method_not_allowed": (405, "errors", "Method Not Allowed"),
    "request_timeout": (408, "errors", "Request Timeout"),
    "too_large": (413, "errors", "Payload Too Large"),
    "rate_limited": (429, "errors", "Too Many Requests"),
}


def credential(request: Request) -> Credential:
    """Return the token in the header `access-token`.

    The page's text says `Authorization`, but its example request and real clients use this header.
    """
    token = request.headers.get("access-token")
    return Credential(None) if token is None else _credential(token)


_credential = memoized(Credential)


def authenticate(call: Call) -> None:
    """Check three things in order: the host belongs to a shop, the shop is active, the credential is valid.

    Raise Problem at the first check that fails.
    """
    name = call.request.host_variables["shopdomain"]
    if not name:
        raise Problem("bad_request", "No Context")
    shop = call.records("shops").get(name)
    if shop and not shop["active"]:
        raise Problem("unauthenticated", "store is not active")
    require_accepted(call)


def product_inventory(call: Call) -> Record:
    """Return the stock of a product, at one location if the query names one."""
    product_id = call.path["product_id"]
    if not product_id:
        raise Problem("bad_request", "ProductId is required")
    product = call.records("products").get(parse_uuid(product_id))
    if product is None:
        raise Problem("not_found")
    location = call.query.get("location_id")
    return product if location is None else _only_at(product, location)


def _only_at(product: Record, location: int) -> Record:
    """Return the product with its stock at one location. Variants not stocked there have an empty list."""
    variants = [
        {**variant, "location_items": [i for i in variant["location_items"] if i["location_id"] == location]}
        for variant in product["variants"]
    ]  # fmt: skip
    return {**product, "variants": variants}


def parse_uuid(text: str) -> str:
    """Return the canonical form of a UUID in any form that Go's uuid.Parse accepts.

    Raise Problem with Go's error text for anything else. Like Go, measure the length in bytes. A text of 38
    bytes is a UUID in braces, but Go does not check the braces: any first and last byte is accepted.
    """
    data = text.encode(errors="surrogateescape")
    match len(data):
        case 32:
            return _from_hexadecimal(data)
        case 36:
            inner = data
        case 38:
            inner = data[1:37]
        case 45:
            if data[:9].lower() != b"urn:uuid:":
                raise _malformed(f"invalid urn prefix: {_quoted(data[:9])}")
            inner = data[9:]
        case length:
            raise _malformed(f"invalid UUID length: {length}")
    if any(inner[dash] != ord("-") for dash in DASHES):
        raise _malformed("invalid UUID format")
    return _from_hexadecimal(bytes(byte for index, byte in enumerate(inner) if index not in DASHES))


def _from_hexadecimal(digits: bytes) -> str:
    if any(digit not in b"0123456789abcdefABCDEF" for digit in digits):
        raise _malformed("invalid UUID format")
    return str(UUID(digits.decode()))


def _malformed(text: str) -> Problem:
    return Problem("bad_request", text, status=500)


def _quoted(prefix: bytes) -> str:
    """Return a string as Go's %q prints it: bytes that are not UTF-8 are escaped one by one."""
    return '"' + "".join(map(_escaped, prefix.decode(errors="surrogateescape"))) + '"'


def _escaped(character: str) -> str:
    code = ord(character)
    if character in ESCAPES:
        return ESCAPES[character]
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if character.isprintable():
        return character
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def to_record(catalog: Catalog, number: int) -> Record:
    """Return a product with the stock of its variants."""
    product = catalog.product(number)
    return {"product_id": product.uuid, "variants": [_variant(variant) for variant in product.variants]}


def _variant(variant: Variant) -> Record:
    items = [{"location_id": location.uint64, "stock": quantity} for location, quantity in variant.stock]
    return {"variant_id": variant.uuid, "location_items": items}


def items(record: Record) -> list[Item]:
    product = record["product_id"]
    path = f"/openapi/2022-01/products/{product}/inventory"
    return [
        Item(variant["variant_id"], {"product_id": product, "variant_id": variant["variant_id"]}, path,
             stock=sum([item["stock"] for item in variant["location_items"]]))
        for variant in record["variants"]
    ]  # fmt: skip


def render(problem: Problem, call: Call) -> Answer:
    status, field, default = ANSWERS[problem.kind]
    text = problem.message or default
    headers = (("Retry-After", _retry_after(call)),) if problem.kind == "rate_limited" else ()
    return Answer(problem.status or status, {field: [text] if field == "errors" else text}, headers)


def _retry_after(call: Call) -> str:
    """Return the seconds until both buckets have room, rounded up to milliseconds.

    Clients parse the value as a float.
    """
    return str(-(-(call.quota.retry_after or DEFAULT_RETRY_AFTER) // 1000) / 1000)


def common_headers(call: Call) -> dict[str, str]:
    """Return a `Request-Id` of 40 URL-safe characters, like the example on the page."""
    return {"Request-Id": urlsafe_b64encode(call.random_bytes("Request-Id")[:30]).decode()}


vendor = Vendor(
    name="shoplazza",
    title="Shoplazza",
    credential=credential,
    authenticate=authenticate,
    operations={"get-product-inventory-detail": product_inventory},
    render=render,
    common_headers=common_headers,
    limits=(
        LeakyBucket("app", most=40, per_second=2, per=("credential", "shopdomain")),
        LeakyBucket("shop", most=80, per_second=20, per=("shopdomain",)),
    ),
    collections=(
        Collection("products", key="product_id", count=attrgetter("product_count"), make=to_record,
                   locate=lambda catalog, key: catalog.product_with_uuid(key), items=items),
        Collection("shops", key="shopdomain"),
    ),
    sample="/openapi/2022-01/products/f854e9a2-986d-4e2b-9df0-8e4c139ae80e/inventory",
    auth_headers=lambda credential: {"access-token": credential},
)  # fmt: skip
