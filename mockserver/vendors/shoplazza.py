"""Shoplazza 2022-01: the stock of a product at its locations.

Source: the vendor's page "Get Product Inventory Detail". The platform is written in Go: a
malformed id is answered with the words of its UUID parser (google/uuid), as a server error.
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
    LeakyBucket,
    Problem,
    Record,
    Request,
    Variant,
    Vendor,
    memoized,
    require_accepted,
)

USUAL_WAIT = 500_000  # microseconds in which the smaller bucket leaks one call
DASHES = (8, 13, 18, 23)
ESCAPES = {
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
    """The header is `access-token`, whatever the page's sentence says of `Authorization`."""
    token = request.headers.get("access-token")
    return Credential(None) if token is None else _credential(token)


_credential = memoized(Credential)


def authenticate(call: Call) -> None:
    name = call.request.host_variables["shopdomain"]
    if not name:
        raise Problem("bad_request", "No Context")
    shop = call.records("shops").get(name)
    if shop and not shop["active"]:
        raise Problem("unauthenticated", "store is not active")
    require_accepted(call)


def product_inventory(call: Call) -> Record:
    given = call.path["product_id"]
    if not given:
        raise Problem("bad_request", "ProductId is required")
    product = call.records("products").get(parse_uuid(given))
    if product is None:
        raise Problem("not_found")
    location = call.query.get("location_id")
    return product if location is None else _at(product, location)


def _at(product: Record, location: int) -> Record:
    variants = [
        {**variant, "location_items": [i for i in variant["location_items"] if i["location_id"] == location]}
        for variant in product["variants"]
    ]  # fmt: skip
    return {**product, "variants": variants}


def parse_uuid(text: str) -> str:
    """The canonical form of any text that Go's uuid.Parse takes; else its error, as a 500.

    Lengths count bytes. Of the 38 characters of the braced form only the inner 36 are looked at.
    """
    given = text.encode(errors="surrogateescape")
    match len(given):
        case 32:
            return _hexadecimal(given)
        case 36:
            inner = given
        case 38:
            inner = given[1:37]
        case 45:
            if given[:9].lower() != b"urn:uuid:":
                raise _malformed(f"invalid urn prefix: {_quoted(given[:9])}")
            inner = given[9:]
        case length:
            raise _malformed(f"invalid UUID length: {length}")
    if any(inner[dash] != ord("-") for dash in DASHES):
        raise _malformed("invalid UUID format")
    return _hexadecimal(bytes(byte for place, byte in enumerate(inner) if place not in DASHES))


def _hexadecimal(digits: bytes) -> str:
    if any(digit not in b"0123456789abcdefABCDEF" for digit in digits):
        raise _malformed("invalid UUID format")
    return str(UUID(digits.decode()))


def _malformed(text: str) -> Problem:
    return Problem("bad_request", text, status=500)


def _quoted(prefix: bytes) -> str:
    """Text as Go's %q prints it; bytes that are no UTF-8 come one by one."""
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
    product = catalog.product(number)
    return {"product_id": product.uuid, "variants": [_variant(variant) for variant in product.variants]}


def _variant(variant: Variant) -> Record:
    items = [{"location_id": place.uint64, "stock": quantity} for place, quantity in variant.stock]
    return {"variant_id": variant.uuid, "location_items": items}


def render(problem: Problem, call: Call) -> Answer:
    status, field, usual = ANSWERS[problem.kind]
    text = problem.message or usual
    headers = (("Retry-After", _seconds(call)),) if problem.kind == "rate_limited" else ()
    return Answer(problem.status or status, {field: [text] if field == "errors" else text}, headers)


def _seconds(call: Call) -> str:
    """Until there is room in both buckets, rounded up to milliseconds; clients read a float."""
    return str(-(-(call.quota.retry_after or USUAL_WAIT) // 1000) / 1000)


def common_headers(call: Call) -> dict[str, str]:
    """`Request-Id`: 40 URL-safe characters, like the page's example."""
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
                   locate=lambda catalog, key: catalog.product_with_uuid(key)),
        Collection("shops", key="shopdomain"),
    ),
    sample="/openapi/2022-01/products/f854e9a2-986d-4e2b-9df0-8e4c139ae80e/inventory",
    auth_headers=lambda credential: {"access-token": credential},
)  # fmt: skip
