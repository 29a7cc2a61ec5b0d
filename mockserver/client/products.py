"""The products of a sandbox, with what each is called at each vendor."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self
from urllib.parse import urlencode

from mockserver.client.transport import ControlApi

PAGE_SIZE = 100


class HasBaseUrl(Protocol):
    """The access to a vendor."""

    @property
    def base_url(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Listing:
    """A product at one vendor: its record, and its `ids` with the vendor's names for them.

    `url` is the URL of a GET request that reads it, with `path` as its path and query.
    """

    collection: str
    key: str
    ids: Mapping[str, Any]
    path: str
    url: str


@dataclass(frozen=True, slots=True)
class Product:
    """One sellable item. `vendors` has only the vendors that have it."""

    sku: str | None
    name: str | None
    ean: str | None
    vendors: Mapping[str, Listing]


class Products(int):
    """The number of sellable items with which a sandbox began. Iterate over it, or call it, to get products.

    `sandbox.products(sku="LAMP-1")` yields the products with exactly this SKU. `q` is a text in the SKU or
    name, or an EAN, or an id at a vendor.
    """

    _request: ControlApi
    _path: str
    _vendors: Mapping[str, HasBaseUrl]

    @classmethod
    def of(cls, number: int, request: ControlApi, path: str, vendors: Mapping[str, HasBaseUrl]) -> Self:
        products = cls(number)
        products._request, products._path, products._vendors = request, path, vendors
        return products

    def __iter__(self) -> Iterator[Product]:
        return self()

    def __call__(self, *, sku: str | None = None, q: str | None = None) -> Iterator[Product]:
        wanted = {"sku": sku, "q": q, "limit": PAGE_SIZE, "after": None}
        while True:
            query = urlencode({name: value for name, value in wanted.items() if value is not None})
            page = self._request("GET", f"{self._path}?{query}")
            yield from map(self._product, page["products"])
            wanted["after"] = page["next"]
            if page["next"] is None:
                return

    def _product(self, product: Mapping[str, Any]) -> Product:
        vendors = {
            vendor: Listing(
                one["collection"], one["key"], one["ids"], one["path"],
                self._vendors[vendor].base_url + one["path"],
            )
            for vendor, one in product["vendors"].items()
        }  # fmt: skip
        return Product(product["sku"], product["name"], product["ean"], vendors)
