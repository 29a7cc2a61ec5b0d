"""A program that keeps the stock of two shops in step with a third. It knows the vendors' endpoints only.

It reads what Shoplazza has, finds the same SKUs at MerchantPro and HighLevel, and writes what differs.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

MAX_TRIES = 50
Stock = dict[str, int]  # by SKU
Listing = dict[str, tuple[str, int]]  # by SKU: the vendor's id, and the stock


class GaveUp(Exception):
    """Raised if a vendor refuses a call for good."""


class Api:
    """One vendor's API. A call is repeated if the vendor is too busy, or if its answer does not arrive."""

    def __init__(self, base_url: str, headers: dict[str, str], sleep: Callable[[float], None]) -> None:
        self._http = httpx.Client(base_url=base_url, headers=headers, timeout=30)
        self._sleep = sleep
        self.refused = 0  # calls that got a 429

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        for _ in range(MAX_TRIES):
            try:
                response = self._http.request(method, path, **arguments)
            except httpx.TransportError:
                self._sleep(1)
                continue
            if response.status_code != 429:
                if response.is_error:
                    raise GaveUp(f"{method} {path}: {response.status_code} {response.text}")
                return response.json()
            self.refused += 1
            self._sleep(seconds_to_wait(response))
        raise GaveUp(f"{method} {path}: no answer after {MAX_TRIES} tries")

    def close(self) -> None:
        self._http.close()


def seconds_to_wait(response: httpx.Response) -> float:
    """Return what a 429 says about the time to wait: `Retry-After`, or HighLevel's interval."""
    if "Retry-After" in response.headers:
        return float(response.headers["Retry-After"])
    return float(response.headers.get("X-RateLimit-Interval-Milliseconds", 1000)) / 1000


def settled(read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Read a list until two readings have the same keys: between two pages, a list may have shifted."""
    before = read()
    for _ in range(MAX_TRIES):
        now = read()
        if now.keys() == before.keys():
            return now
        before = now
    raise GaveUp("the list does not come to rest")


def shoplazza_stock(api: Api) -> Stock:
    """Return the stock of all variants that have a SKU."""
    stock: Stock = {}
    query = {"per_page": "20"}
    while True:
        page = api.call("GET", "/openapi/2022-01/products", params=query)
        for product in page["products"]:
            stock |= {one["sku"]: one["inventory_quantity"] for one in product["variants"] if one["sku"]}
        if not page["cursor"]:
            return stock
        query["cursor"] = page["cursor"]


def merchantpro_listing(api: Api) -> Listing:
    """Return ids and stock of all products and variants that have a stock."""
    found: Listing = {}
    target = "/api/v2/products?limit=8&include=variants&fields=id,sku,stock,variants"
    while target:
        page = api.call("GET", target)
        for product in page["data"]:
            for one in product.get("variants") or [product]:
                if one["sku"] and "stock" in one:
                    found[one["sku"]] = str(one["id"]), one["stock"]
        target = page["meta"]["links"]["next"]
    return found


def highlevel_listing(api: Api, location: str) -> Listing:
    """Return ids and stock of all prices that have a SKU."""
    found: Listing = {}
    offset = 0
    while True:
        query = {"altId": location, "altType": "location", "limit": "30", "offset": str(offset)}
        items = api.call("GET", "/products/inventory", params=query)["inventory"]
        found |= {one["sku"]: (one["_id"], one["availableQuantity"]) for one in items if one.get("sku")}
        if not items:
            return found
        offset += len(items)


def differences(wanted: Stock, found: Listing) -> Iterator[tuple[str, int]]:
    """Yield the vendor's id and the stock that it should have, for each SKU whose stock differs.

    Back-orders keep a stock below zero: where Shoplazza has none, such a stock stays as it is.
    """
    for sku, (own_id, stock) in found.items():
        if sku in wanted and wanted[sku] != max(stock, 0):
            yield own_id, wanted[sku]


class SyncClient:
    """Brings the stock of MerchantPro and HighLevel to that of Shoplazza."""

    def __init__(
        self,
        addresses: dict[str, tuple[str, dict[str, str]]],
        location: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._apis = {name: Api(url, headers, sleep) for name, (url, headers) in addresses.items()}
        self._location = location

    def run(self) -> int:
        """Write what differs. Return the number of quantities that were written."""
        wanted = settled(lambda: shoplazza_stock(self._apis["shoplazza"]))
        return self._to_merchantpro(wanted) + self._to_highlevel(wanted)

    @property
    def refused(self) -> dict[str, int]:
        """The number of calls that got a 429, by vendor."""
        return {name: api.refused for name, api in self._apis.items()}

    def close(self) -> None:
        for api in self._apis.values():
            api.close()

    def _to_merchantpro(self, wanted: Stock) -> int:
        """Write stock at MerchantPro: where a record has warehouses, the first of them gets all of it."""
        api = self._apis["merchantpro"]
        changes = [*differences(wanted, settled(lambda: merchantpro_listing(api)))]
        for own_id, stock in changes:
            path = f"/api/v2/inventory/id/{own_id}"
            change: dict[str, Any] = {"stock": stock}
            if warehouses := api.call("GET", path).get("warehouses"):
                first, *others = [one["name"] for one in warehouses]
                shares = {first: stock, **dict.fromkeys(others, 0)}
                change = {"warehouses": [{"name": name, "stock": share} for name, share in shares.items()]}
            api.call("PATCH", path, json=change)
        return len(changes)

    def _to_highlevel(self, wanted: Stock) -> int:
        api = self._apis["highlevel"]
        changes = [*differences(wanted, settled(lambda: highlevel_listing(api, self._location)))]
        items = [{"priceId": own_id, "availableQuantity": stock} for own_id, stock in changes]
        for first in range(0, len(items), 25):
            body = {"altId": self._location, "altType": "location", "items": items[first : first + 25]}
            api.call("POST", "/products/inventory", json=body)
        return len(changes)
