"""The operations that are measured: how they are called, and how a response is checked."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any
from urllib.parse import quote

from mockserver.contract.openapi.spec import Spec
from tests.bench.client import Response, Sender

PRODUCTS = 1_000_000
PAGE_SIZE = 20
# Unlike the peers, this server stores what is written. So writes are limited to this number of records,
# and all other records are only read.
MAX_WRITTEN_RECORDS = 10_000
# A prime, as in lua/load.lua, so that consecutive requests are for distant products.
STEP = 7919
BASIC = {"Authorization": f"Basic {b64encode(b'demo:demo').decode()}"}
BEARER = {"Authorization": "Bearer demo"}
ACCOUNT = "6578278e879ad2646715ba9c"


@dataclass(frozen=True)
class Operation:
    """One operation of one vendor; its calls are numbered from 0, and each number has its own keys.

    `path`, `record` and `body` are format strings: `path` takes up to three keys, `record` one key, and
    `body` a price. `record` is the path of the same record, or page, in the control API. `items` returns
    the records in the body of a response, which must be `count` records.
    """

    name: str
    vendor: str
    method: str
    path: str
    record: str
    headers: Mapping[str, str]
    keys: range
    items: Callable[[Any], list[Any]]
    count: int = 1
    body: str = ""

    @cached_property
    def _spec(self) -> Spec:
        return Spec(self.vendor)

    def keys_of(self, number: int) -> tuple[int, int, int]:
        """Return the keys of a call, by the same arithmetic as lua/load.lua."""
        count = len(self.keys)
        numbers = (number, number + count // 3, number + count // 2)
        first, second, third = (self.keys[n * STEP % count] for n in numbers)
        return first, second, third

    def price(self, number: int) -> str:
        """Return the price that a call writes."""
        return f"{number % 100_000_000 / 100:.2f}"

    def target(self, number: int) -> str:
        """Return the path and query of a call."""
        return self.path % self.keys_of(number)[: self.path.count("%d")]

    def send(self, sender: Sender, number: int) -> Response:
        """Make a call and return its response."""
        body = self.body % float(self.price(number)) if self.body else ""
        return sender.send(self.method, self.target(number), self.headers, body)

    def check(self, response: Response) -> str:
        """Return an error if a response breaks the vendor's spec, else an empty string."""
        if response.status != 200:
            return f"status {response.status}: {response.content[:200]!r}"
        try:
            body = response.body
        except ValueError as error:
            return f"not JSON: {error}"
        path = self._spec.find(tuple(self.target(0).partition("?")[0].split("/")[1:]))
        assert path is not None
        declared = path[0].operations[self.method].responses[200]
        if difference := declared.difference((("Content-Type", response.content_type),), body):
            return difference
        count = len(self.items(body))
        return "" if count == self.count else f"{count} records, not {self.count}"

    def check_values(self, sender: Sender, number: int, response: Response) -> str:
        """Compare our response to a call with the stored records, as the control API shows them.

        Return an error if they differ, else an empty string.
        """
        items = self.items(response.body)
        keys = sorted(set(self.keys_of(number)[: self.path.count("%d")]))
        records: list[Any] = []
        for key in keys:
            body = sender.send("GET", f"/_mock/sandboxes/demo/records/{self.record % key}").body
            records += body.get("records", [body])
        if self.body and records[0]["price_net"] != Decimal(self.price(number)):
            return f"{self.target(number)}: the stored price is not the one that was written"
        pairs = zip(items, records, strict=False)
        same = all(
            shows(item[name], record[name]) for item, record in pairs for name in item if name in record
        )
        if same and len(items) == len(records):
            return ""
        return f"{self.target(number)}: the response differs from the stored records"

    def limited_to(self, products: int) -> "Operation":
        """Return the same operation for a server that has only the first `products` products."""
        count = products - PAGE_SIZE + 1 if self.name == "page" else products - 1
        return replace(self, keys=self.keys[: min(len(self.keys), count)])


PAGE_OF_20 = Operation(
    name="page",
    vendor="highlevel",
    method="GET",
    path=f"/products/inventory?altId={ACCOUNT}&limit={PAGE_SIZE}&offset=%d",
    record=f"highlevel/inventory?limit={PAGE_SIZE}&offset=%d",
    headers={**BEARER, "Version": "2021-07-28"},
    keys=range(PRODUCTS - PAGE_SIZE + 1),
    items=lambda body: body["inventory"],
    count=PAGE_SIZE,
)
READ = Operation(
    name="read",
    vendor="merchantpro",
    method="GET",
    path="/api/v2/inventory/id/%d",
    record="merchantpro/inventory/%d",
    headers=BASIC,
    keys=range(10_004, 10_004 + PRODUCTS - 1),
    items=lambda body: [body],
)
WRITE = replace(
    READ,
    name="write",
    method="PATCH",
    headers={**BASIC, "Content-Type": "application/json"},
    keys=READ.keys[:MAX_WRITTEN_RECORDS],
    body='{"price_net": %.2f}',
)
IDS = Operation(
    name="ids",
    vendor="sabi",
    method="GET",
    path="/api/v1/products?productIds=%d,%d,%d&limit=10",
    record="sabi/products/%d",
    headers={**BEARER, "tenantId": "TEN123", "userId": "USR456", "countryCode": "US"},
    keys=range(1002, 1002 + PRODUCTS - 1),
    items=lambda body: body["products"],
    count=3,
)
OPERATIONS = (PAGE_OF_20, READ, WRITE)


def search(text: str, count: int) -> Operation:
    """Return the operation that searches for `text`, with `count` records on its first page."""
    target = f"/products/inventory?altId={ACCOUNT}&limit={PAGE_SIZE}&search={quote(text)}".replace("%", "%%")
    return replace(PAGE_OF_20, name="search", path=target, count=count)


def shows(shown: Any, kept: Any) -> bool:
    """Return True if an answer shows a stored value. A price is kept with more decimals than are shown."""
    if isinstance(shown, Decimal) and isinstance(kept, Decimal):
        return shown == kept.quantize(shown, ROUND_HALF_UP)
    return bool(shown == kept)
