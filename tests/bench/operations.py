"""The operations that are measured: what is asked, and how an answer is known to be right."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import quote

from mockserver.contract.openapi.spec import Spec
from tests.bench.client import Answer, Asks

PRODUCTS = 1_000_000
PAGE = 20
MAX_WRITTEN = 10_000  # a written record is kept, which no peer does: the rest of the keys is read only
STEP = 7919  # as in lua/load.lua: neighbours in time are no neighbours in the catalogue
BASIC = {"Authorization": f"Basic {b64encode(b'demo:demo').decode()}"}
BEARER = {"Authorization": "Bearer demo"}
ACCOUNT = "6578278e879ad2646715ba9c"


@dataclass(frozen=True)
class Operation:
    """One operation of one vendor, asked for with numbers from 0 on: each its own keys.

    `path` and `record`, the control API's, are formats of keys; `body` is one of a price. `items`
    finds the records in an answer.
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
        """The keys of a number, as lua/load.lua reckons them."""
        count = len(self.keys)
        numbers = (number, number + count // 3, number + count // 2)
        first, second, third = (self.keys[one * STEP % count] for one in numbers)
        return first, second, third

    def price(self, number: int) -> str:
        return f"{number % 100_000_000 / 100:.2f}"

    def target(self, number: int) -> str:
        return self.path % self.keys_of(number)[: self.path.count("%d")]

    def ask(self, client: Asks, number: int) -> Answer:
        body = self.body % float(self.price(number)) if self.body else ""
        return client.ask(self.method, self.target(number), self.headers, body)

    def wrong(self, answer: Answer) -> str:
        """What is wrong with an answer by the vendor's own spec; empty if nothing is."""
        if answer.status != 200:
            return f"status {answer.status}: {answer.content[:200]!r}"
        try:
            body = answer.body
        except ValueError as error:
            return f"no JSON: {error}"
        path = self._spec.find(tuple(self.target(0).partition("?")[0].split("/")[1:]))
        assert path is not None
        reply = path[0].operations[self.method].responses[200]
        if wrong := reply.difference((("Content-Type", answer.content_type),), body):
            return wrong
        count = len(self.items(body))
        return "" if count == self.count else f"{count} records, not {self.count}"

    def wrong_values(self, client: Asks, number: int, answer: Answer) -> str:
        """How an answer of ours differs from the records that the control API shows."""
        shown = self.items(answer.body)
        keys = sorted(set(self.keys_of(number)[: self.path.count("%d")]))
        kept: list[Any] = []
        for key in keys:
            found = client.ask("GET", f"/_mock/sandboxes/demo/records/{self.record % key}").body
            kept += found.get("records", [found])
        if self.body and kept[0]["price_net"] != Decimal(self.price(number)):
            return f"{self.target(number)}: what was written is not what is kept"
        pairs = zip(shown, kept, strict=False)
        same = all(one[name] == record[name] for one, record in pairs for name in one if name in record)
        return "" if same and len(shown) == len(kept) else f"{self.target(number)} is not what is kept"

    def over(self, products: int) -> "Operation":
        """The same with as many products, or with the first of more."""
        count = min(len(self.keys), products - 1 if self.name != "page" else products - PAGE + 1)
        return replace(self, keys=self.keys[:count])


PAGE_OF_20 = Operation(
    name="page",
    vendor="highlevel",
    method="GET",
    path=f"/products/inventory?altId={ACCOUNT}&limit={PAGE}&offset=%d",
    record=f"highlevel/inventory?limit={PAGE}&offset=%d",
    headers={**BEARER, "Version": "2021-07-28"},
    keys=range(PRODUCTS - PAGE + 1),
    items=lambda body: body["inventory"],
    count=PAGE,
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
    keys=READ.keys[:MAX_WRITTEN],
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
    """The first page of what mentions a text, where `count` records are on it."""
    target = f"/products/inventory?altId={ACCOUNT}&limit={PAGE}&search={quote(text)}".replace("%", "%%")
    return replace(PAGE_OF_20, name="search", path=target, count=count)
